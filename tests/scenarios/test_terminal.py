"""The board on a real pseudo-terminal: taken over, resized, and given back whatever happens."""

import os
import re
import signal
import termios
import time
from collections.abc import Iterator

import pytest

from tests.scenarios.terminals import ENTER, HIDE, LEAVE, SHOW, WITHIN, Terminal

PLAY = """
import asyncio, sys
from scenarios.boards.live import watch_feed
from tests.scenarios.feeds import incident

async def events():
    for event in incident():
        yield event
    said = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    print("printed under the board")
    if said.strip() == "raise":
        raise RuntimeError("the feed broke")

asyncio.run(watch_feed(events()))
"""


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal(PLAY)
    yield opened
    opened.close()


def screen(said: str) -> list[str]:
    """What stands on the alternate screen, line by line: as much of a terminal as the board uses."""
    shown: dict[int, str] = {}
    row = column = 1
    for code, kind, text in re.findall(r"\x1b\[([\d;?]*)([A-Za-z])|([^\x1b]+)", said.split(ENTER)[-1].split(LEAVE)[0]):
        if kind == "H":
            row, column = (int(number) for number in code.split(";")) if code else (1, 1)
        elif kind == "J":
            assert code == "2"
            shown.clear()
        elif text:
            before = shown.get(row, "").ljust(column - 1)
            shown[row] = before[: column - 1] + text + before[column - 1 + len(text) :]
            column += len(text)
    return [shown.get(number, "") for number in range(1, max(shown, default=0) + 1)]


def has_last_frame(said: str, columns: int = 80, rows: int = 24) -> bool:
    """Whether the incident's end is on the board, and the board as large as the terminal."""
    lines = screen(said)
    complete = len(lines) == rows and {len(line) for line in lines} == {columns}
    return complete and "0 of 100" in "\n".join(lines)


def assert_given_back(terminal: Terminal) -> str:
    """The terminal is as it was; what was said after the board."""
    said = terminal.said
    assert said.count(ENTER) == said.count(LEAVE) == 1
    assert said.rindex(SHOW) > said.rindex(HIDE)
    assert termios.tcgetattr(terminal.ours) == terminal.before
    return said.split(LEAVE)[1]


def test_the_board_takes_the_screen_and_leaves_its_last_frame(terminal: Terminal) -> None:
    terminal.read_until(has_last_frame)
    assert not terminal.echoes()
    terminal.type("typed blindly\n")
    assert terminal.end() == 0
    after = assert_given_back(terminal)
    assert "In all: 300 requests, 300 with a wristband, 90 logged out (30.0 %); 2 tickets." in after
    assert "ten-servers" in after  # the last frame, to be read in peace
    assert "printed under the board" in after
    assert "typed blindly" not in terminal.said


def test_a_crash_gives_the_terminal_back_and_is_seen(terminal: Terminal) -> None:
    terminal.read_until(has_last_frame)
    terminal.type("raise\n")
    assert terminal.end() == 1
    after = assert_given_back(terminal)
    assert "RuntimeError: the feed broke" in after


@pytest.mark.parametrize(("what", "code"), [("Ctrl-C", {130, -signal.SIGINT, 1}), ("SIGTERM", {128 + signal.SIGTERM})])
def test_an_end_from_outside_gives_the_terminal_back(terminal: Terminal, what: str, code: set[int]) -> None:
    terminal.read_until(has_last_frame)
    if what == "Ctrl-C":
        terminal.type("\x03")
    else:
        terminal.child.send_signal(signal.SIGTERM)
    terminal.type("\n")  # the thread that reads the keyboard holds the interpreter until it has its line
    assert terminal.end() in code
    assert_given_back(terminal)


def test_ctrl_z_gives_the_terminal_back_until_fg(terminal: Terminal) -> None:
    terminal.read_until(has_last_frame)
    terminal.child.send_signal(signal.SIGTSTP)
    terminal.read_until(lambda said: LEAVE in said)
    end = time.monotonic() + WITHIN
    while os.waitid(os.P_PID, terminal.child.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is None:
        assert time.monotonic() < end
    assert terminal.echoes()
    terminal.child.send_signal(signal.SIGCONT)
    terminal.read_until(lambda said: said.count(ENTER) == 2 and has_last_frame(said))
    assert not terminal.echoes()
    terminal.type("\n")
    assert terminal.end() == 0
    assert termios.tcgetattr(terminal.ours) == terminal.before


def test_it_follows_a_resize(terminal: Terminal) -> None:
    terminal.read_until(has_last_frame)
    terminal.resize(100, 40)
    terminal.read_until(lambda said: has_last_frame(said, 100, 40))
    terminal.resize(60, 16)
    terminal.read_until(lambda said: has_last_frame(said, 60, 16))
    terminal.type("\n")
    assert terminal.end() == 0


def test_exported_lines_and_columns_do_not_stop_it_from_following() -> None:
    terminal = Terminal(PLAY, {"COLUMNS": "20", "LINES": "5"})
    try:
        terminal.read_until(has_last_frame)
        terminal.type("\n")
        assert terminal.end() == 0
    finally:
        terminal.close()


def test_no_color_on_a_real_terminal() -> None:
    terminal = Terminal(PLAY, {"NO_COLOR": "1"})
    try:
        terminal.read_until(has_last_frame)
        terminal.type("\n")
        assert terminal.end() == 0
    finally:
        terminal.close()
    assert not re.search(r"\x1b\[(?:[\d;]*;)?(?:3\d|4\d|9\d)(?:;[\d;]*)?m", terminal.said)
