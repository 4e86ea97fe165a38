"""Calls to the Docker Engine, which block, and what becomes of them when the lab is told to end meanwhile (Ctrl-C)."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

from scenarios.cluster.children import settle

T = TypeVar("T")


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """What it returns. When we are cancelled it comes to its end all the same, so that what it made is known."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


async def abandoned(work: Callable[..., T], *arguments: Any) -> T:
    """What it returns, from a thread that nobody waits for once we are cancelled: the engine gives up a build or a pull
    when the connection closes, at our own end at the latest."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def begin() -> None:
        found: Any
        try:
            found = work(*arguments)
        except Exception as failure:  # noqa: BLE001 - whatever it is, it is raised where it is waited for
            found = failure
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, outcome, found)

    Thread(target=begin, daemon=True).start()
    return await outcome
