"""One feed for all workers: what each of them tells goes into the parent's."""

import asyncio
import re
from collections.abc import AsyncGenerator
from pathlib import Path

from balancer.telling.feed import Feed
from servers.control import ControlError, open_stream

MARK = b'{"kind":"mark"'
HEALTH = re.compile(rb'"what":"(?:up|down)"')


async def join(feed: Feed, path: Path) -> "asyncio.Task[None] | None":
    """Returns once nothing is missed of what the worker with this control socket tells; None: it has ended.

    The task is done when the worker ends, or tells something that nobody reads any more.
    """
    try:
        lines = await open_stream(path, "subscribe")
    except ControlError:
        return None
    return asyncio.ensure_future(_pass_on(lines, feed))


async def _pass_on(lines: AsyncGenerator[bytes], feed: Feed) -> None:
    """What was switched the parent has told already; a worker's own marks are about a server's health."""
    async for line in lines:
        if not feed.subscribers:
            break
        if not line.startswith(MARK) or HEALTH.search(line):
            feed.put(line.decode())
    await lines.aclose()
