"""A feed on the screen: the board on a terminal, plain lines anywhere else."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import TextIO

from rich.console import Console

from scenarios.boards.board import Board
from scenarios.boards.feed import fold_all
from scenarios.boards.lines import glyphs_for
from scenarios.boards.painter import Painter
from scenarios.boards.plain import PlainLines, closing_lines
from scenarios.boards.terminal import console_for, screen, takes_over
from scenarios.events import Event, complaint
from scenarios.folds.fold import Fold

__all__ = ["Board", "watch_feed"]

FRAMES = 4.0  # a second


async def watch_feed(
    events: AsyncIterator[Event],
    *,
    fold: Fold | None = None,
    stream: TextIO | None = None,
    title: str = "Session Lab",
    clock: Callable[[], float] | None = None,
    leave: bool = True,
    environ: Mapping[str, str] = os.environ,
    lines: bool = False,
) -> Fold:
    """Show a feed until it ends, and return what it folded to. With `lines` also a terminal gets plain lines.

    `clock` (Unix, seconds; time.time for a living feed) lets silence show as silence; without it time stands still
    between events. With `leave` the last frame and the final numbers stay on the terminal afterwards. Raises what the
    feed raises, once the terminal is as it was, and BrokenPipeError when the reader of the pipe has gone away.
    """
    stream = stream or sys.stdout
    fold = fold or Fold()
    if takes_over(stream, environ) and not lines:
        await _on_terminal(events, fold, console_for(stream, environ), title, clock, leave)
    else:
        await _in_lines(events, fold, stream, leave)
    return fold


async def _on_terminal(
    events: AsyncIterator[Event],
    fold: Fold,
    console: Console,
    title: str,
    clock: Callable[[], float] | None,
    leave: bool,
) -> None:
    glyphs = glyphs_for(console.encoding)
    board = Board(glyphs, title)
    live = Painter(console, partial(board.render, fold))
    reading = asyncio.ensure_future(fold_all(events, fold))
    try:
        with screen(live):
            while not reading.done():
                await asyncio.wait({reading}, timeout=1 / FRAMES)
                if clock is not None:
                    fold.advance(clock())
                live.refresh()
    finally:
        await _end(reading)
        if leave:
            leave_frame(console, fold, title)
    reading.result()


def leave_frame(console: Console, fold: Fold, title: str) -> None:
    """What stays on the terminal after a board: its last frame, to be read in peace, and the final numbers."""
    glyphs = glyphs_for(console.encoding)
    if fold.now is not None:
        console.print(Board(glyphs, title).render(fold, console.width, console.height - 2))
        console.print("\n".join(closing_lines(fold, glyphs)), markup=False)


async def _end(reading: asyncio.Future[None]) -> None:
    reading.cancel()
    await asyncio.wait({reading})


async def _in_lines(events: AsyncIterator[Event], fold: Fold, stream: TextIO, leave: bool) -> None:
    glyphs = glyphs_for(stream.encoding)
    lines = PlainLines(fold, glyphs)
    try:
        async for event in events:
            if complaint(event) is None:
                _say(stream, lines.feed(event))
    finally:
        if leave and fold.now is not None:
            _say(stream, closing_lines(fold, glyphs))


def _say(stream: TextIO, lines: list[str]) -> None:
    if lines:
        stream.write("".join(line + "\n" for line in lines))
        stream.flush()
