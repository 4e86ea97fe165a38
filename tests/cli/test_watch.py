"""`lab watch` and `lab up` with people at a terminal: the application chosen, refused, used, left."""

import re
import termios
from collections.abc import Callable, Iterator

import pytest

from tests.cli.processes import Lab
from tests.scenarios.terminals import ENTER, LEAVE, Terminal

COMMAND = "import sys; from scenarios.__main__ import main; sys.exit(main())"

Open = Callable[..., Terminal]


@pytest.fixture
def at_a_terminal(environ: dict[str, str]) -> Iterator[Open]:
    """Run a command of the lab on a terminal of its own."""
    opened: list[Terminal] = []

    def start(*words: str, columns: int = 80, rows: int = 24, **more: str) -> Terminal:
        environment = {**environ, "TERM": "xterm-256color", **more}
        opened.append(Terminal(COMMAND, environment, columns, rows, words))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


def given_back(terminal: Terminal) -> str:
    """What was said after the board, on the terminal as it was before."""
    assert terminal.said.count(ENTER) == terminal.said.count(LEAVE) == 1
    assert termios.tcgetattr(terminal.ours) == terminal.before
    return terminal.said.split(LEAVE)[1]


@pytest.mark.slow
def test_a_server_is_chosen_and_killed_and_the_board_left(lab: Lab, at_a_terminal: Open) -> None:
    assert lab("up", "--servers", "3", "--users", "6", "--detach").returncode == 0
    terminal = at_a_terminal("watch")
    terminal.read_until(lambda said: ENTER in said and "server-3" in said)
    terminal.type("\x1b[B\x1b[Bk")
    terminal.read_until(lambda said: "server-2: killed" in said)
    terminal.read_until(lambda said: re.search(r"server-2 .{0,90}down", said))
    terminal.type("k")  # a dead one cannot be killed, and can be restarted
    terminal.read_until(lambda said: "server-2 is not running" in said)
    terminal.type("r")
    terminal.read_until(lambda said: "server-2: restarted" in said)
    terminal.type("s\r")
    terminal.read_until(lambda said: "sessions carried over" in said)
    terminal.type("u")
    terminal.read_until(lambda said: "users: 11" in said)
    terminal.type("3")
    terminal.read_until(lambda said: "redis" in said.split("users: 11")[1])
    terminal.type("q")
    assert terminal.end() == 0, terminal.said
    assert "In all:" in given_back(terminal)
    status = lab("status")
    assert "store redis" in status.stdout
    assert "not running" not in status.stdout
    assert lab("down").returncode == 0


@pytest.mark.slow
def test_a_lab_in_the_foreground_ends_with_its_board(at_a_terminal: Open, lab: Lab) -> None:
    terminal = at_a_terminal("up", "--servers", "2", "--users", "4")
    terminal.read_until(lambda said: ENTER in said and "server-2" in said)
    terminal.type("\x03")
    assert terminal.end() == 130, terminal.said
    assert "In all:" in given_back(terminal)
    assert lab("status").returncode == 2


@pytest.mark.slow
def test_a_lab_that_is_stopped_ends_the_board_that_watches_it(lab: Lab, at_a_terminal: Open, up: str) -> None:
    terminal = at_a_terminal("watch")
    terminal.read_until(lambda said: ENTER in said and "server-3" in said)
    assert lab("down").returncode == 0
    terminal.end()
    assert "Traceback" not in given_back(terminal)


@pytest.mark.parametrize(
    ("columns", "rows", "more", "said"),
    [
        (79, 24, {}, "this terminal (79x24) is too small: make it 80x24, or take --board rich"),
        (80, 23, {}, "this terminal (80x23) is too small: make it 80x24, or take --board rich"),
        (80, 24, {"TERM": "dumb"}, "a terminal of the kind 'dumb' shows no board: set TERM, or take --board lines"),
        (80, 24, {"PYTHONIOENCODING": "latin-1"}, "is set to iso8859-1: set LANG=C.UTF-8, or take --board rich"),
    ],
)
def test_a_terminal_that_cannot_show_the_application_is_told_what_to_do(
    at_a_terminal: Open, columns: int, rows: int, more: dict[str, str], said: str
) -> None:
    terminal = at_a_terminal("watch", "--board", "app", columns=columns, rows=rows, **more)
    assert terminal.end() == 2
    assert said in " ".join(terminal.said.split())
    assert terminal.said.count("\n") == 1
    assert ENTER not in terminal.said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["watch", "--board", "app"], "the board needs a terminal: do not redirect it, or take --board lines"),
        (["watch", "--board", "rich"], "the board needs a terminal: do not redirect it, or take --board lines"),
        (["watch", "--board", "rch"], "no board is called 'rch'; did you mean rich?"),
        (["up", "--detach", "--board", "app"], "--detach shows no board"),
    ],
)
def test_a_pipe_has_no_board(lab: Lab, words: list[str], said: str) -> None:
    done = lab(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_small_terminal_gets_the_rich_board_unasked(at_a_terminal: Open, up: str) -> None:
    terminal = at_a_terminal("watch", columns=60, rows=16)
    terminal.read_until(lambda said: ENTER in said and "server-3" in said)
    assert "\x1b[?1003h" not in terminal.said  # no mouse
    terminal.type("\x03")
    assert terminal.end() != 0
    given_back(terminal)
