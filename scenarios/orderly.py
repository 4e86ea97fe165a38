"""Runs the work of a command so that every way of ending it goes through its `finally` blocks."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

try:
    import uvloop as loops
except ImportError:  # not CPython, or no wheel for it
    import asyncio as loops  # type: ignore[no-redef]

T = TypeVar("T")

ENDING = (signal.SIGTERM, signal.SIGHUP)


def run(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` in which SIGTERM and SIGHUP end the work as Ctrl-C does. Raises KeyboardInterrupt after Ctrl-C, and
    SystemExit with 128 + the signal's number after the others."""
    with asyncio.Runner(loop_factory=loops.new_event_loop) as runner:
        return runner.run(_until_signalled(work))


async def _until_signalled(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    received: list[int] = []
    loop = asyncio.get_running_loop()

    def end(number: int) -> None:
        received.append(number)
        task.cancel()

    for number in ENDING:
        loop.add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        if received:
            raise SystemExit(128 + received[0]) from None
        raise
    finally:
        for number in ENDING:
            loop.remove_signal_handler(number)
