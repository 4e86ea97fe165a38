"""The README: its tables are the code's, its pictures exist, its commands run."""

import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.works import WORKS

HERE = Path(__file__).resolve().parent.parent
README = (HERE / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    lines = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line]


def test_the_tables_are_generated_from_the_code() -> None:
    readme = runpy.run_path(str(HERE / ".ci" / "readme"))
    assert readme["render"](README) == README, "run .ci/readme"


def test_every_work_of_the_balancers_benchmark_was_measured_in_several_rounds() -> None:
    figures = json.loads((HERE / "tests" / "bench" / "figures.json").read_text())["balancer"]
    assert sorted(bench["work"] for bench in figures) == sorted(WORKS)
    assert all(bench["rounds"] >= 5 for bench in figures)


def test_every_picture_and_file_that_is_named_exists() -> None:
    for path in re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(
        r"`((?:scenarios|balancer|servers|tests)/[\w/.]*)`", README
    ):
        assert (HERE / path).exists(), path


def test_no_command_of_the_readme_is_misspelt() -> None:
    from scenarios.cli import COMMANDS

    for command in commands():
        program, name, *_ = shlex.split(command)
        assert program == "./lab"
        assert name in COMMANDS, command


def lab(*words: str, cwd: Path = HERE, timeout: float = 100) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(HERE)}
    return subprocess.run(
        [sys.executable, "-m", "scenarios", *words],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.mark.slow
def test_the_commands_run_as_written(tmp_path: Path) -> None:
    """Every one but the test suite itself, in their order, on a lab of this test's own name."""
    for command in commands():
        words = shlex.split(command)[1:]
        if words[0] == "test":
            continue
        if words[0] in ("up", "switch", "status", "down"):
            words += ["--name", f"readme-{os.getpid()}"]
        if words[0] == "run" and words[1].endswith(".py"):
            continue  # the next test
        if words[0] == "report":
            words += ["-o", str(tmp_path / "report.html")]
        done = lab(*words)
        assert done.returncode == 0, (command, done.stdout, done.stderr)


@pytest.mark.slow
def test_the_scenario_of_the_readme_passes(tmp_path: Path) -> None:
    (script,) = blocks("python")
    (tmp_path / "restart.py").write_text(script)
    done = lab("run", "restart.py", "--pace", "fast", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
