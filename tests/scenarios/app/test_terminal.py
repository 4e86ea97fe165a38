"""The application on a real pseudo-terminal: taken over, and given back whatever happens."""

import os
import re
import signal
import termios
import time
from collections.abc import Iterator

import pytest

from tests.scenarios.terminals import ENTER, HIDE, LEAVE, SHOW, WITHIN, Terminal

PLAY = """
import asyncio, os
from scenarios import orderly
from scenarios.boards.app.watch import watch_on_app
from scenarios.folds.fold import Fold
from tests.scenarios.app.fake_lab import FakeLab
from tests.scenarios.feeds import START, busy

lab = FakeLab()

async def feed():
    for event in busy():
        yield event
    while not lab.asked:
        await asyncio.sleep(0.01)
    if "raise" in os.environ:
        raise RuntimeError("the feed broke")
    if "break" in os.environ:
        del fold.totals
        await asyncio.Event().wait()

fold = Fold()
try:
    orderly.run(watch_on_app(lab, feed(), fold, title="Session Lab", clock=lambda: START + 19.8))
except KeyboardInterrupt:  # as scenarios/__main__.py has it
    raise SystemExit(130)
print("asked", lab.asked)
"""


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal(PLAY)
    yield opened
    opened.close()


def is_up(said: str) -> bool:
    return ENTER in said and "server-10" in said


def assert_given_back(terminal: Terminal) -> str:
    """The terminal is as it was; what was said after the board."""
    said = terminal.said
    assert said.count(ENTER) == said.count(LEAVE)
    assert said.rindex(SHOW) > said.rindex(HIDE)
    for mode in ("1000", "1003", "1006", "1004", "2004"):  # mouse, focus, paste
        if f"\x1b[?{mode}h" in said:
            assert said.rindex(f"\x1b[?{mode}l") > said.rindex(f"\x1b[?{mode}h"), mode
    assert termios.tcgetattr(terminal.ours) == terminal.before
    return said.split(LEAVE)[-1]


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("\x03", 130)])
def test_leaving_by_a_key_leaves_the_last_frame_and_the_numbers(terminal: Terminal, key: str, code: int) -> None:
    terminal.read_until(is_up)
    terminal.type(key)
    assert terminal.end() == code
    after = assert_given_back(terminal)
    assert "In all: 400 requests, 360 with a wristband, 318 logged out (88.3 %); 3 tickets." in after
    assert "server-3" in after
    assert "Traceback" not in terminal.said


def test_the_end_of_the_feed_gives_the_terminal_back(terminal: Terminal) -> None:
    terminal.read_until(is_up)
    terminal.type("\x1b[Bk")
    assert terminal.end() == 0
    assert "asked [('kill', 'server-1')]" in assert_given_back(terminal)


@pytest.mark.parametrize(("how", "why"), [("raise", "the feed broke"), ("break", "has no attribute 'totals'")])
def test_a_crash_gives_the_terminal_back_and_is_seen(how: str, why: str) -> None:
    terminal = Terminal(PLAY, {how: "1"})
    try:
        terminal.read_until(is_up)
        terminal.type("\x1b[Bk")
        assert terminal.end() == 1
        assert why in assert_given_back(terminal)
    finally:
        terminal.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_end_from_outside_gives_the_terminal_back(terminal: Terminal, number: signal.Signals) -> None:
    terminal.read_until(is_up)
    terminal.child.send_signal(number)
    assert terminal.end() == 128 + number
    assert "In all: 400 requests" in assert_given_back(terminal)


def test_ctrl_z_gives_the_terminal_back_until_fg(terminal: Terminal) -> None:
    terminal.read_until(is_up)
    terminal.child.send_signal(signal.SIGTSTP)
    terminal.read_until(lambda said: LEAVE in said)
    end = time.monotonic() + WITHIN
    while os.waitid(os.P_PID, terminal.child.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is None:
        assert time.monotonic() < end
    assert terminal.echoes()
    terminal.child.send_signal(signal.SIGCONT)
    terminal.read_until(lambda said: said.count(ENTER) == 2 and "server-10" in said.split(ENTER)[2])
    terminal.type("q")
    assert terminal.end() == 0
    assert_given_back(terminal)


def test_it_follows_a_resize_whatever_the_shell_has_exported() -> None:
    terminal = Terminal(PLAY, {"COLUMNS": "20", "LINES": "5"})
    try:
        terminal.read_until(is_up)
        terminal.resize(160, 50)
        terminal.read_until(lambda said: "Latency of the last" in said)  # shown only on a large one
        terminal.type("q")
        assert terminal.end() == 0
    finally:
        terminal.close()


@pytest.mark.parametrize(("no_color", "coloured"), [("1", False), ("", True)])
def test_no_color(no_color: str, coloured: bool) -> None:
    terminal = Terminal(PLAY, {"NO_COLOR": no_color})
    try:
        terminal.read_until(is_up)
        terminal.type("q")
        assert terminal.end() == 0
    finally:
        terminal.close()
    found = re.search(r"\x1b\[(?:[\d;]*;)?(?:3[0-8]|4[0-8]|9[0-7])(?:;[\d;]*)?m", terminal.said)
    assert bool(found) is coloured
