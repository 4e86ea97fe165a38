"""The project's own files agree with each other."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scenarios import __version__

HERE = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((HERE / "pyproject.toml").read_text())
LOCK = (HERE / "requirements.lock").read_text()
RUN_PART, LOAD_PART, MORE_PART, DEV_PART = re.split(r"^# ---.*\n", LOCK, flags=re.MULTILINE)

PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def locked(part: str) -> dict[str, list[tuple[Requirement, int]]]:
    """By name: its pins, which may differ between Pythons, each with how many hashes it has."""
    blocks = re.findall(r"^([a-z0-9].*?)((?: \\\n    --hash=sha256:[0-9a-f]{64})*)$", part, re.MULTILINE)
    pinned: dict[str, list[tuple[Requirement, int]]] = {}
    for line, hashes in blocks:
        requirement = Requirement(line)
        pinned.setdefault(canonicalize_name(requirement.name), []).append((requirement, hashes.count("--hash")))
    return pinned


def covers(lock: dict[str, list[tuple[Requirement, int]]], wanted: Requirement, python: str) -> bool:
    """Whether pip finds what is wanted in the lock, exactly once, on Linux with this Python."""
    environment = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux", "extra": ""}
    if wanted.marker and not wanted.marker.evaluate(environment):
        return True
    pins = [pin for pin, _ in lock.get(canonicalize_name(wanted.name), [])]
    versions = [next(iter(pin.specifier)).version for pin in pins if not pin.marker or pin.marker.evaluate(environment)]
    return len(versions) == 1 and wanted.specifier.contains(versions[0])


def declared(extra: str) -> Iterable[Requirement]:
    for line in PROJECT["project"]["optional-dependencies"][extra]:
        wanted = Requirement(line)
        if wanted.name == "session-lab":
            for other in wanted.extras:
                yield from declared(other)
        else:
            yield wanted


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_holds_what_pyproject_asks_for(python: str) -> None:
    run, everything = locked(RUN_PART), locked(LOCK)
    asked = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
    assert [str(wanted) for wanted in asked if not covers(run, wanted, python)] == []
    load, more = locked(RUN_PART + LOAD_PART), locked(RUN_PART + LOAD_PART + MORE_PART)
    assert [str(wanted) for wanted in declared("containers") if not covers(load, wanted, python)] == []
    assert [
        str(wanted) for wanted in (*declared("locust"), *declared("reports")) if not covers(more, wanted, python)
    ] == []
    assert [str(wanted) for wanted in declared("dev") if not covers(everything, wanted, python)] == []


@pytest.mark.parametrize("python", PYTHONS)
def test_each_part_of_the_lock_is_complete(python: str) -> None:
    """pip installs it with --no-deps, so whatever a package needs must be in it."""
    for part in (
        locked(RUN_PART),
        locked(RUN_PART + LOAD_PART),
        locked(RUN_PART + LOAD_PART + MORE_PART),
        locked(LOCK),
    ):
        missing = []
        for name in part:
            try:
                needs = metadata.requires(name) or []
            except metadata.PackageNotFoundError:
                continue  # for another platform or Python
            missing += [f"{name} needs {line}" for line in needs if not covers(part, Requirement(line), python)]
        assert missing == []


def test_each_line_of_the_lock_is_an_exact_version_with_hashes() -> None:
    pinned = [locked(part) for part in (RUN_PART, LOAD_PART, MORE_PART, DEV_PART)]
    pins = [pin for part in pinned for pins in part.values() for pin in pins]
    assert len(pins) == len(re.findall(r"^[a-z0-9]", LOCK, re.MULTILINE))
    for requirement, hashes in pins:
        assert [specifier.operator for specifier in requirement.specifier] == ["=="]
        assert hashes, requirement
    assert len({name for part in pinned for name in part}) == sum(map(len, pinned))


def test_the_lock_names_no_host_and_no_path() -> None:
    for line in LOCK.splitlines():
        assert re.fullmatch(r"#.*|[a-z0-9-]+==[\w.]+( ; .*)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line), line
    assert not re.search(r"://|--index|--find-links|file:| @ ", LOCK)


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=HERE, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [HERE / name for name in done.stdout.split("\0") if name and (HERE / name).is_file()]


def test_no_tracked_file_names_a_registry_or_a_path_of_one_machine() -> None:
    telling = re.compile(r"/roo[t]/|/hom[e]/\w+/|/work/mai[n]|https?://[^ \"']*/(simple|pypi)[/\"']")
    found = [
        f"{path.relative_to(HERE)}: {line.strip()[:80]}"
        for path in tracked()
        for line in path.read_text(errors="replace").splitlines()
        if telling.search(line)
    ]
    assert found == []


def test_the_changelog_knows_this_version() -> None:
    assert re.search(rf"^## {re.escape(__version__)}\b", (HERE / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_shell_scripts_parse_and_can_be_executed() -> None:
    for shell, name in (("sh", "lab"), ("bash", ".ci/run"), ("bash", ".ci/relock")):
        subprocess.run([shell, "-n", HERE / name], check=True)
        assert (HERE / name).stat().st_mode & 0o111


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("servers/control.py", "import balancer.pool", "scenarios -> balancer -> servers"),
        ("balancer/pool.py", "import servers.members", "the balancer knows of the servers only"),
        ("balancer/http1.py", "import socket", "pure modules do no I/O"),
        ("scenarios/folds/fold.py", "import scenarios.crowd", "pure modules do no I/O"),
    ],
)
def test_an_import_against_the_design_is_found(tmp_path: Path, module: str, line: str, broken: str) -> None:
    for folder in ("servers", "balancer", "scenarios"):
        shutil.copytree(HERE / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "pyproject.toml", tmp_path)
    with (tmp_path / module).open("a") as file:
        file.write(f"\n{line}\n")
    lint = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([lint, "--no-cache"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(rf"{re.escape(broken)}.* BROKEN", done.stdout), done.stdout
