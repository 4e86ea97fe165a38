"""`lab replay` on a terminal: its keys, and the terminal given back; and what is no journal or no time."""

import os
import pty
import select
import sys
import termios
from pathlib import Path

import pytest

from scenarios.journal import JournalWriter, header
from tests.cli.processes import LAB, Lab
from tests.scenarios.feeds import START, incident

HEAD = header(session_lab="0.1.0", python="3.11", platform="linux", seed=1, settings={}, started=START)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    with JournalWriter(str(tmp_path / "j"), HEAD) as writer:
        for event in incident():
            writer.write(event)
    return tmp_path / "j"


def read_until(terminal: int, mark: bytes) -> bytes:
    shown = b""
    while mark not in shown:
        assert select.select([terminal], [], [], 20)[0], shown
        shown += os.read(terminal, 65536)
    return shown


def test_keys_on_a_terminal(environ: dict[str, str], recorded: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [*LAB, "replay", str(recorded), "--from", "12"], environ)
    read_until(terminal, b"space stops")
    os.write(terminal, b" ")
    read_until(terminal, b"(stopped")
    assert not termios.tcgetattr(terminal)[3] & termios.ICANON, "keys come without Enter"
    os.write(terminal, b"\x1b[C\x1b[C")  # right, right: into the third act
    read_until(terminal, b"shared-store")
    os.write(terminal, b"\x1b[1~")  # home: the first act again
    read_until(terminal, b"one-server")
    os.write(terminal, b"q")
    shown = read_until(terminal, b"\x1b[?1049l")
    shown += read_until(terminal, b"In all: ")
    assert termios.tcgetattr(terminal)[3] & termios.ICANON
    while select.select([terminal], [], [], 20)[0]:
        try:
            os.read(terminal, 65536)
        except OSError:
            break
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)


def test_a_part_of_a_run_in_a_pipe(lab: Lab, recorded: Path) -> None:
    done = lab("replay", str(recorded), "--speed", "inf", "--from", "0:12", "--until", "18")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith("  0:11  90.0 % logged out")
    assert done.stdout.splitlines()[-1].startswith("In all: 181 requests")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "noon"], "'noon' is no time; write seconds, or minutes and seconds as 1:05"),
        (["--until", "-1"], "is no time; write seconds"),
        (["--from", "9", "--until", "9"], "--from 9 is not before --until 9"),
        (["--speed", "0"], "'0' is no number above 0"),
    ],
)
def test_what_is_no_part_of_a_run(lab: Lab, recorded: Path, words: list[str], said: str) -> None:
    done = lab("replay", str(recorded), *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
