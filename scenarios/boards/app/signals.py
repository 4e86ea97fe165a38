"""Ctrl-Z and `fg`, handled between two steps of the loop.

Textual's own handlers run wherever the signal strikes. If that is while something is being written to the terminal, the
lock they wait for is held by the very thread that they have interrupted, and nothing moves any more.
"""

from __future__ import annotations

import asyncio
import signal

STOPPING = (signal.SIGTSTP, signal.SIGCONT)


def handle_in_the_loop() -> None:
    """Have the handlers that Textual has installed called by the running loop. Does nothing where it has none."""
    loop = asyncio.get_running_loop()
    for number in STOPPING:
        handler = signal.getsignal(number)
        if callable(handler):
            loop.add_signal_handler(number, handler, number, None)


def handle_no_more() -> None:
    """The terminal is given back: from now on these signals do what they do to any process."""
    loop = asyncio.get_running_loop()
    for number in STOPPING:
        loop.remove_signal_handler(number)
