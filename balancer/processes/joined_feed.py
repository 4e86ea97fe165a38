"""One feed for all workers: what each of them tells goes into the parent's."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from pathlib import Path

from balancer.telling.feed import Feed
from servers.control import ControlError, open_stream

MARK = b'{"kind":"mark"'
OF_A_WORKER = re.compile(rb'"what":"(?:(up|down)|addresses|unresolved)"')
"""What a worker has found out by itself: about a server's health, or its name."""


class Once:
    """What all workers find out alike, each by its own look-up of a name, is told once."""

    def __init__(self, interval: float) -> None:
        """`interval`: seconds between two look-ups of a worker; in so many, each of them has found it out."""
        self._interval = interval
        self._told: dict[frozenset[str], float] = {}

    def is_news(self, line: bytes) -> bool:
        """`line`: a mark about a name. The order of addresses is each worker's own, and means nothing."""
        mark = json.loads(line)
        now, words = mark["time"], frozenset((mark["what"], *re.split(r"[:,] ", mark["detail"])))
        self._told = {told: when for told, when in self._told.items() if now - when < self._interval}
        if words in self._told:
            return False
        self._told[words] = now
        return True


async def join(feed: Feed, path: Path, once: Once) -> "asyncio.Task[None] | None":
    """Returns once nothing is missed of what the worker with this control socket tells; None: it has ended.

    The task is done when the worker ends, or tells something that nobody reads any more.
    """
    try:
        lines = await open_stream(path, "subscribe")
    except ControlError:
        return None
    return asyncio.ensure_future(_pass_on(lines, feed, once))


async def _pass_on(lines: AsyncGenerator[bytes], feed: Feed, once: Once) -> None:
    async for line in lines:
        if not feed.subscribers:
            break
        if not line.startswith(MARK) or _is_news(line, once):
            feed.put(line.decode())
    await lines.aclose()


def _is_news(mark: bytes, once: Once) -> bool:
    """What was switched the parent has told already; of servers' health each worker has a view of its own."""
    found = OF_A_WORKER.search(mark)
    return found is not None and (found[1] is not None or once.is_news(mark))
