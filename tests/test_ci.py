"""Where CI's engine for the tests comes from, and what happens when it does not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CI = Path(__file__).resolve().parents[1] / ".ci" / "docker"
UP = "up) echo export DOCKER_HOST=unix://here ;;"


def ask(folder: Path, tool: str | None, **more: str) -> subprocess.CompletedProcess[str]:
    """.ci/docker of a checkout in this folder, beside a tool that does so; on a machine without Docker."""
    checkout = folder / "main" / ".ci"
    checkout.mkdir(parents=True)
    shutil.copy(CI, checkout)
    programs = folder / "bin"
    programs.mkdir()
    for name in ("bash", "dirname", "readlink", "sh"):
        (programs / name).symlink_to(shutil.which(name) or name)
    if tool is not None:
        path = folder / "shared" / "tools" / "docker-engine"
        path.parent.mkdir(parents=True)
        path.write_text(f'#!/bin/sh\necho "$1" >>{folder}/asked\ncase "$1" in {tool} esac\n')
        path.chmod(0o755)
    environ = {"PATH": str(programs), **more}
    return subprocess.run([checkout / "docker"], env=environ, capture_output=True, text=True, timeout=30)


def test_a_machine_without_an_engine_skips(tmp_path: Path) -> None:
    done = ask(tmp_path, None)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "NONE HERE: tests/docker will be skipped\n"


def test_unless_it_is_required(tmp_path: Path) -> None:
    done = ask(tmp_path, None, SESSION_LAB_REQUIRE_DOCKER="1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no Docker Engine" in done.stderr


@pytest.mark.parametrize(
    ("tool", "said", "asked"),
    [
        ("up) exit 1 ;;", "could not start a Docker Engine", ["up"]),
        (f"{UP} image) exit 1 ;;", "could not make the images", ["up", "image", "down"]),
    ],
)
def test_beside_the_tool_it_has_to_work(tmp_path: Path, tool: str, said: str, asked: list[str]) -> None:
    """And an engine that was started for nothing is stopped."""
    done = ask(tmp_path, tool)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert (tmp_path / "asked").read_text().split() == asked


def test_what_is_exported(tmp_path: Path) -> None:
    done = ask(tmp_path, UP)
    assert done.returncode == 0, done.stderr
    shown = 'echo $DOCKER_HOST $SESSION_LAB_REQUIRE_DOCKER ${SESSION_LAB_PYTHON:+python} "$engine_down"'
    told = subprocess.run(
        ["bash", "-c", f"{done.stdout}\n{shown}"], capture_output=True, text=True, env=dict(os.environ)
    )
    assert told.stdout == "unix://here 1 python ../shared/tools/docker-engine down\n"
