"""A terminal taken over for the board, and given back whatever happens."""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TextIO

from rich.console import Console
from rich.live import Live

try:
    import termios
except ImportError:  # no POSIX terminal, so nothing to quieten
    termios = None  # type: ignore[assignment]


def takes_over(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `stream` is a terminal that can show a board. FORCE_COLOR and the like do not make a pipe one."""
    return stream.isatty() and environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


def console_for(stream: TextIO, environ: Mapping[str, str] = os.environ) -> Console:
    """A rich console on `stream`: colours only on a terminal and without NO_COLOR, no control codes in a pipe."""
    terminal = takes_over(stream, environ)
    # Exported LINES and COLUMNS are those of the shell's start; on a terminal its own size is the one that follows.
    kept = {key: value for key, value in environ.items() if not (terminal and key in ("LINES", "COLUMNS"))}
    return Printer(
        file=stream, force_terminal=terminal, no_color=environ.get("NO_COLOR", "") != "", highlight=False, _environ=kept
    )


class Printer(Console):
    """What becomes of a reader who has gone away is for the command line to say, as for all that is printed."""

    def on_broken_pipe(self) -> None:
        raise  # the error that rich is handling when it calls this


class Held(io.StringIO):
    """What was printed while the board was up, kept for afterwards; it claims to be the stream it stands for."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.stream.encoding

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()

    def release(self) -> None:
        """Print it."""
        self.stream.write(self.getvalue())
        self.stream.flush()


@contextmanager
def screen(live: Live) -> Iterator[None]:
    """The alternate screen with `live` on it, the keyboard quiet. All is undone at the end, after an exception, on
    Ctrl-C, on SIGTERM, and while stopped by Ctrl-Z; what others printed meanwhile is printed then."""
    out, err = Held(sys.stdout), Held(sys.stderr)
    try:
        with redirect_stdout(out), redirect_stderr(err), _ended_in_order(), quiet_keyboard(), live, _stoppable(live):
            yield
    finally:
        out.release()
        err.release()


@contextmanager
def quiet_keyboard() -> Iterator[None]:
    """Keys typed at the board do not show on it. Lines and Ctrl-C work as before."""
    before = _keyboard_state()
    _echo(before, on=False)
    try:
        yield
    finally:
        _keyboard(before)


Keyboard = list[int | list[bytes | int]]  # as termios has it; field 3 holds the local flags


@contextmanager
def typed_keys(typed: Callable[[str], None]) -> Iterator[None]:
    """Keys come one by one, without Enter: `typed` is told each by its character, or its name (`left`, `right`, `up`,
    `down`, `home`, `end`). Ctrl-C and Ctrl-Z work as before. Where the keyboard is not ours nothing comes."""
    before = _keyboard_state()
    loop = asyncio.get_running_loop()

    def read() -> None:
        data = os.read(0, 1024)
        if not data:  # the terminal is gone
            loop.remove_reader(0)
        for key in KEY.findall(data):
            if name := KEYS.get(key, "" if key.startswith(b"\x1b") else key.decode("ascii", "ignore")):
                typed(name)

    if before is None or not isinstance(flags := before[3], int):
        yield
        return
    _keyboard([*before[:3], flags & ~(termios.ECHO | termios.ICANON), *before[4:]])
    loop.add_reader(0, read)
    try:
        yield
    finally:
        loop.remove_reader(0)
        _keyboard(before)


KEY = re.compile(rb"\x1b[\[O][0-9;]*[A-Za-z~]|.", re.DOTALL)
KEYS = {
    b"\x1b[A": "up", b"\x1b[B": "down", b"\x1b[C": "right", b"\x1b[D": "left", b"\x1b[H": "home", b"\x1b[F": "end",
    b"\x1bOA": "up", b"\x1bOB": "down", b"\x1bOC": "right", b"\x1bOD": "left", b"\x1bOH": "home", b"\x1bOF": "end",
    b"\x1b[1~": "home", b"\x1b[4~": "end",
}  # fmt: skip


def _keyboard_state() -> Keyboard | None:
    """The terminal's settings, None when it is not ours to change: no terminal, or we run in the background."""
    if termios is None:
        return None
    try:
        if os.tcgetpgrp(0) != os.getpgrp():
            return None
        return termios.tcgetattr(0)
    except (OSError, termios.error):
        return None


def _keyboard(settings: Keyboard | None) -> None:
    if settings is not None:
        with suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(0, termios.TCSADRAIN, settings)


def _echo(settings: Keyboard | None, *, on: bool) -> None:
    if settings is not None and isinstance(flags := settings[3], int):
        flags = flags | termios.ECHO if on else flags & ~termios.ECHO
        _keyboard([*settings[:3], flags, *settings[4:]])


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Where SIGTERM would end the process on the spot, let it end like Ctrl-C does, through every `finally`."""
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def _stoppable(live: Live) -> Iterator[None]:
    """Ctrl-Z gives the terminal back while the process is stopped; `fg` takes it again."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        live.stop()
        quiet = _keyboard_state()
        _echo(quiet, on=True)
        os.kill(os.getpid(), signal.SIGSTOP)
        _keyboard(quiet)
        live.start(refresh=True)

    undo: Callable[[], object] = lambda: loop.remove_signal_handler(signal.SIGTSTP)  # noqa: E731
    try:
        loop.add_signal_handler(signal.SIGTSTP, stop)
    except (NotImplementedError, ValueError, RuntimeError):  # no signals on this platform or in this thread
        undo = lambda: None  # noqa: E731
    try:
        yield
    finally:
        undo()
