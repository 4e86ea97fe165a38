"""Which board suits who is watching: the application for people at a terminal, the rich board for small or plain ones,
lines for pipes and logs.

Importing this must stay cheap: the commands that offer the choice name it in their help.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

from scenarios.errors import LabError

BOARDS = ("app", "rich", "lines")
COLUMNS, LINES = 80, 24  # the least the application needs


def board_for(wanted: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """One of BOARDS: the one that was asked for, or the best one here. Raises LabError when it cannot be had here."""
    why_no_app = unfit((sys.stdin, sys.stdout, sys.__stderr__ or sys.stderr), environ)
    why_not_rich = no_terminal(sys.stdout, environ)
    if wanted is None:
        return "app" if why_no_app is None else "rich" if why_not_rich is None else "lines"
    if wanted == "app" and why_no_app:
        raise LabError(f"{why_no_app}, or take --board {'rich' if why_not_rich is None else 'lines'}")
    if wanted == "rich" and why_not_rich:
        raise LabError(f"{why_not_rich}, or take --board lines")
    return wanted


def no_terminal(stream: TextIO, environ: Mapping[str, str]) -> str | None:
    """Why no board can be drawn on this stream; None when one can."""
    if not stream.isatty():
        return "the board needs a terminal: do not redirect it"
    term = environ.get("TERM", "dumb")
    return f"a terminal of the kind {term!r} shows no board: set TERM" if term in ("", "dumb", "unknown") else None


def unfit(streams: tuple[TextIO, TextIO, TextIO], environ: Mapping[str, str]) -> str | None:
    """Why the application cannot run on this stdin, stdout and stderr; None when it can."""
    for stream in streams:
        if why := no_terminal(stream, environ):
            return why
    encoding = streams[1].encoding or "ascii"
    if encoding.lower().replace("-", "") != "utf8":
        return f"the board's signs need UTF-8 and this terminal is set to {encoding}: set LANG=C.UTF-8"
    try:
        if os.tcgetpgrp(streams[0].fileno()) != os.getpgrp():
            return "a board in the background has no keys: bring it to the foreground"
        size = os.get_terminal_size(streams[1].fileno())
    except OSError:
        return "the board needs a terminal that tells its size"
    return too_small(size.columns, size.lines)


def too_small(columns: int, lines: int) -> str | None:
    """What to say of a terminal of this size; None when it is large enough."""
    if columns >= COLUMNS and lines >= LINES:
        return None
    return f"this terminal ({columns}x{lines}) is too small: make it {COLUMNS}x{LINES}"
