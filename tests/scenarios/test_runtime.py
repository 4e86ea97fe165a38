"""Runtime folders: one lab a name, stale ones healed, nothing shared with other users."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from scenarios import runtime
from scenarios.errors import LabError


@pytest.fixture
def environ(short_folder: Path) -> dict[str, str]:
    return {"XDG_RUNTIME_DIR": tempfile.mkdtemp(dir=short_folder)}


def claim_elsewhere(environ: dict[str, str], name: str) -> "subprocess.Popen[str]":
    """Another process that has claimed this name and says so."""
    script = f"from scenarios import runtime; place = runtime.claim({name!r}); print(place.folder, flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ | environ,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def test_a_claimed_folder_is_private_and_goes_with_its_release(environ: dict[str, str]) -> None:
    place = runtime.claim("one", environ)
    assert place.folder.stat().st_mode & 0o777 == 0o700
    assert place.folder.parent.stat().st_mode & 0o777 == 0o700
    assert runtime.labs(environ) == ["one"]
    place.release()
    assert not place.folder.exists()
    assert runtime.labs(environ) == []


def test_a_name_is_taken_only_once(environ: dict[str, str]) -> None:
    other = claim_elsewhere(environ, "one")
    with pytest.raises(LabError, match="a lab named 'one' is running: end it"):
        runtime.claim("one", environ)
    beside = runtime.claim("two", environ)
    assert runtime.labs(environ) == ["one", "two"]
    beside.release()
    other.kill()
    other.communicate()


def test_what_a_dead_lab_left_is_cleared(environ: dict[str, str]) -> None:
    other = claim_elsewhere(environ, "one")
    folder = runtime.find("one", environ)
    (folder / "sessions.db").write_text("old")
    (folder / "deep").mkdir()
    other.send_signal(signal.SIGKILL)
    other.communicate()
    assert folder.exists()
    with pytest.raises(LabError, match="no lab named 'one' is running"):
        runtime.find("one", environ)
    place = runtime.claim("one", environ)
    assert [left.name for left in place.folder.iterdir()] == [runtime.NOTE]
    place.release()


def test_a_stale_note_with_a_living_pid_is_no_lab(environ: dict[str, str]) -> None:
    folder = runtime.base_folder(environ) / "one"
    folder.mkdir()
    (folder / runtime.NOTE).write_text(json.dumps({"pid": os.getpid()}))
    assert runtime.labs(environ) == []
    runtime.claim("one", environ).release()


@pytest.mark.parametrize("name", ["", "UPPER", "a/b", "..", "x" * 21, "-a"])
def test_names_that_could_not_be_folders_are_refused(environ: dict[str, str], name: str) -> None:
    with pytest.raises(LabError, match="is no name for a lab"):
        runtime.claim(name, environ)


def test_a_long_runtime_folder_is_replaced(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 80)
    long.mkdir()
    assert runtime.base_folder({"XDG_RUNTIME_DIR": str(long)}) == Path(f"/tmp/session-lab-{os.getuid()}")


def test_a_link_in_place_of_the_runtime_folder_is_refused(environ: dict[str, str], tmp_path: Path) -> None:
    (Path(environ["XDG_RUNTIME_DIR"]) / "session-lab").symlink_to(tmp_path)
    with pytest.raises(LabError, match="set XDG_RUNTIME_DIR"):
        runtime.base_folder(environ)


async def test_down_clears_a_dead_lab_and_refuses_an_unknown_one(environ: dict[str, str]) -> None:
    folder = runtime.base_folder(environ) / "one"
    folder.mkdir()
    await runtime.down("one", environ)
    assert not folder.exists()
    with pytest.raises(LabError, match="start one with: lab up"):
        await runtime.down("one", environ)


def test_detach_returns_the_first_word_and_the_lab_lives_on(tmp_path: Path) -> None:
    script = """
import json, os, sys
from scenarios.runtime import detach
from scenarios.errors import LabError
def lab(say_ready):
    say_ready({"pid": os.getpid(), "session": os.getsid(0)})
    open(sys.argv[1]).read()
def broken(say_ready):
    raise LabError("port taken")
print(json.dumps(detach(lab)))
try:
    detach(broken)
except LabError as error:
    print(error)
"""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    command = [sys.executable, "-c", script, str(gate)]
    ready, refused = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()
    pid = json.loads(ready)["pid"]
    assert json.loads(ready)["session"] == pid
    assert refused == "port taken"
    pidfd = os.pidfd_open(pid)
    gate.write_text("go")
    assert wait_readable(pidfd), "the detached lab should end when its gate opens"


def wait_readable(descriptor: int) -> bool:
    import select

    return bool(select.select([descriptor], [], [], 10)[0])
