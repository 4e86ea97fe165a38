"""The application run on a terminal, from the first frame to the terminal given back."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable

from scenarios.boards.app.app import BoardApp
from scenarios.boards.live import leave_frame
from scenarios.boards.terminal import console_for
from scenarios.cluster.attached import AttachedCluster
from scenarios.events import Event
from scenarios.folds.fold import Fold


async def watch_on_app(
    cluster: AttachedCluster,
    events: AsyncIterator[Event],
    fold: Fold,
    *,
    title: str,
    clock: Callable[[], float],
) -> Fold:
    """Show a feed until it ends or somebody quits; `fold` is what it folded to. The last frame and the final numbers
    stay on the terminal. Raises what the feed raised."""
    _environment()
    app = BoardApp(cluster, events, fold, title=title, clock=clock)
    try:
        await app.run_async()
    finally:
        if not app.return_code:
            leave_frame(console_for(sys.stdout), fold, title)
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError  # the application has ended as it should, but swallowed it
    if app.return_code:
        raise SystemExit(app.return_code)  # the application has said why
    if app.reading.done() and not app.reading.cancelled():
        app.reading.result()
    return fold


def _environment() -> None:
    """Textual reads the environment itself, and a little differently from us."""
    for name in ("COLUMNS", "LINES"):  # those of the shell's start; the terminal's own size is the one that follows
        os.environ.pop(name, None)
    if os.environ.get("NO_COLOR") == "":  # empty is not set (no-color.org)
        del os.environ["NO_COLOR"]
