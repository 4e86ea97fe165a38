"""The launcher makes, heals and renews .venv, on checkouts whose only package is a small wheel made here."""

import base64
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent.parent
MAIN = "import sys, tiny; print(tiny.__version__, *sys.argv[1:])\n"


def wheel(folder: Path, version: str) -> str:
    """A wheel of `tiny`; its line in a lock."""
    path = folder / f"tiny-{version}-py3-none-any.whl"
    files = {
        "tiny.py": f"__version__ = {version!r}\n",
        f"tiny-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
        f"tiny-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {name: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()) for name, text in files.items()}
    record = f"tiny-{version}.dist-info/RECORD"
    lines = [f"{name},sha256={digest.rstrip(b'=').decode()}," for name, digest in digests.items()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in [*files.items(), (record, "\n".join([*lines, f"{record},,"]))]:
            archive.writestr(name, text)
    return f"tiny=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wheels")


@pytest.fixture
def environ(wheels: Path, tmp_path: Path) -> dict[str, str]:
    """No index but a folder: pip needs no network here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "LAB"))}
    isolated = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    return {**kept, **isolated, "PIP_NO_CACHE_DIR": "1", "PYTHON": sys.executable}


def new_checkout(home: Path, wheels: Path) -> Path:
    (home / "scenarios").mkdir(parents=True)
    (home / "scenarios" / "__main__.py").write_text(MAIN)
    shutil.copy(HERE / "lab", home)
    (home / "requirements.lock").write_text(
        "# a lock\n"
        + wheel(wheels, "1.0")
        + "# --- more, for locust: ---\n# --- more, for plots: ---\n# --- only for the tests: ---\n"
    )
    return home


@pytest.fixture
def checkout(tmp_path: Path, wheels: Path) -> Path:
    """A checkout that was never started, with spaces in its path."""
    return new_checkout(tmp_path / "my labs" / "session lab", wheels)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Path:
    """A checkout that was started; tests copy it."""
    home = new_checkout(tmp_path_factory.mktemp("made") / "lab", wheels)
    environ = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    subprocess.run([home / "lab"], env={**environ, "PYTHON": sys.executable}, check=True, capture_output=True)
    return home


@pytest.fixture
def made(made_once: Path, tmp_path: Path) -> Path:
    """The same, moved to another place: it must not mind."""
    return Path(shutil.copytree(made_once, tmp_path / "moved here", symlinks=True))


def start(lab: Path, *words: str, env: dict[str, str], cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([lab, *words], env=env, cwd=cwd or "/", capture_output=True, text=True, timeout=100)


def one_line(done: "subprocess.CompletedProcess[str]") -> str:
    """The error a person reads: the last line, and before it nothing but the progress line."""
    assert done.returncode == 2, done.stderr
    assert not done.stdout
    *before, last = done.stderr.splitlines()
    assert all(line.startswith("lab: preparing") for line in before), done.stderr
    assert last.startswith("lab: ")
    return last


def test_a_first_start_through_a_link_and_a_silent_second_one(
    checkout: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "lab").symlink_to(checkout / "lab")
    environ["PATH"] = f"{tmp_path / 'bin'}:{environ['PATH']}"
    (tmp_path / "tiny.py").write_text("raise SystemExit('imported from where the user happens to be')")
    first = start(Path("lab"), "run", "a b", env=environ, cwd=tmp_path)
    assert (first.returncode, first.stdout) == (0, "1.0 run a b\n")
    assert first.stderr.startswith("lab: preparing .venv")
    assert len(first.stderr.splitlines()) == 1
    made_at = (checkout / ".venv" / "lock.run").stat().st_mtime_ns
    second = start(checkout / "lab", "status", env=environ)
    assert (second.stdout, second.stderr) == ("1.0 status\n", "")
    assert (checkout / ".venv" / "lock.run").stat().st_mtime_ns == made_at


@pytest.mark.slow
def test_a_moved_checkout_imports_itself_and_not_where_it_was(made: Path, environ: dict[str, str]) -> None:
    (made / "scenarios" / "__main__.py").write_text("import scenarios; print(*scenarios.__path__)")
    assert start(made / "lab", env=environ).stdout == f"{made}/scenarios\n"


def test_a_newer_lock_is_installed(made: Path, wheels: Path, environ: dict[str, str]) -> None:
    (made / "requirements.lock").write_text(wheel(wheels, "2.0"))
    done = start(made / "lab", env=environ)
    assert done.stdout == "2.0\n"
    assert "lab: preparing" in done.stderr


@pytest.mark.slow
def test_a_command_gets_the_parts_it_needs(made: Path, wheels: Path, environ: dict[str, str]) -> None:
    lock = made / "requirements.lock"
    absent = wheel(wheels, "3.0").replace("tiny", "absent")
    lock.write_text(lock.read_text() + absent)
    assert start(made / "lab", "run", env=environ).stdout == "1.0 run\n"
    assert start(made / "lab", "load", env=environ).stdout == "1.0 load\n"
    done = start(made / "lab", "test", env=environ)
    assert "absent" in one_line(done)
    assert "lab: preparing what lab test needs besides, once;" in done.stderr
    lock.write_text(lock.read_text().replace("# --- only", absent + "# --- only"))
    assert start(made / "lab", "load", env=environ).stdout == "1.0 load\n"
    assert "absent" in one_line(start(made / "lab", "report", env=environ))


@pytest.mark.slow
def test_a_half_made_environment_is_healed(made: Path, environ: dict[str, str]) -> None:
    (made / ".venv" / "lock.run").unlink()
    for package in (made / ".venv").glob("lib/python3*/site-packages/tiny*"):
        shutil.rmtree(package) if package.is_dir() else package.unlink()
    (made / ".venv" / "rubbish").touch()
    assert start(made / "lab", env=environ).stdout == "1.0\n"
    assert not (made / ".venv" / "rubbish").exists()


@pytest.mark.slow
def test_an_environment_whose_python_is_gone_is_made_anew(made: Path, environ: dict[str, str]) -> None:
    (made / ".venv" / "bin" / "python").unlink()
    (made / ".venv" / "bin" / "python").symlink_to("/gone/python3")
    assert start(made / "lab", env=environ).stdout == "1.0\n"


@pytest.mark.slow
def test_killed_while_it_prepares_and_started_again(checkout: Path, environ: dict[str, str]) -> None:
    first = subprocess.Popen([checkout / "lab"], env=environ, stderr=subprocess.PIPE, start_new_session=True)
    assert first.stderr is not None
    assert first.stderr.read(len("lab: preparing")) == b"lab: preparing"
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert start(checkout / "lab", env=environ).stdout == "1.0\n"


@pytest.mark.slow
def test_two_first_starts_at_once_make_one_environment(checkout: Path, environ: dict[str, str]) -> None:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([checkout / "lab"], env=environ, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    said = [process.communicate(timeout=100) for process in both]
    assert [out for out, _ in said] == ["1.0\n", "1.0\n"]
    assert sorted("waiting" in err for _, err in said) == [False, True]
    assert sorted("preparing .venv from the lock" in err for _, err in said) == [False, True]


@pytest.mark.slow
def test_no_network_is_one_line_and_the_next_start_heals(checkout: Path, environ: dict[str, str]) -> None:
    line = one_line(start(checkout / "lab", env={**environ, "PIP_FIND_LINKS": ""}))
    assert "no network?" in line
    assert line.endswith("Then start again")
    assert start(checkout / "lab", env=environ).stdout == "1.0\n"


@pytest.mark.slow
def test_a_file_that_is_not_the_locked_one_is_refused(checkout: Path, environ: dict[str, str]) -> None:
    lock = checkout / "requirements.lock"
    digest = lock.read_text().split("sha256:")[1].split()[0]
    lock.write_text(lock.read_text().replace(digest, "0" * 64))
    one_line(start(checkout / "lab", env=environ))
    assert "HASHES" in (checkout / ".venv.log").read_text()


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A PATH with what a bare machine has, and no Python."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for tool in ("cat", "cmp", "cp", "dirname", "grep", "readlink", "rm", "sed", "sh", "tail", "tee"):
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    return folder


def test_no_python(checkout: Path, environ: dict[str, str], bare_path: Path) -> None:
    del environ["PYTHON"]
    line = one_line(start(checkout / "lab", env={**environ, "PATH": str(bare_path)}))
    assert line.startswith("lab: no Python 3.11 or newer found; install one")


@pytest.mark.slow
def test_a_python_that_is_too_old_is_passed_over(checkout: Path, environ: dict[str, str], bare_path: Path) -> None:
    del environ["PYTHON"]
    old = bare_path / "python3"
    old.write_text("#!/bin/sh\necho /usr/bin/python3.9\nexit 1\n")
    old.chmod(0o755)
    (bare_path / "python3.12").symlink_to(sys.executable)
    done = start(checkout / "lab", env={**environ, "PATH": str(bare_path)})
    assert done.stdout == "1.0\n", done.stderr


def test_no_venv_module(checkout: Path, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "ensurepip.py").write_text("raise ImportError('Debian ships it apart')")
    line = one_line(start(checkout / "lab", env={**environ, "PYTHONPATH": str(tmp_path)}))
    assert "has no venv module; install it (Debian: apt install python3-venv), then start again" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(checkout: Path, environ: dict[str, str]) -> None:
    checkout.chmod(0o555)
    try:
        assert "cannot write to" in one_line(start(checkout / "lab", env=environ))
    finally:
        checkout.chmod(0o755)


def test_the_tab_key_installs_nothing(checkout: Path, environ: dict[str, str]) -> None:
    done = start(checkout / "lab", env={**environ, "_ARGCOMPLETE": "1"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (checkout / ".venv").exists()
