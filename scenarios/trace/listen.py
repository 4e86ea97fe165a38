"""Overhearing a cluster: the balancer's feed and what the servers ask of their logbooks, put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scenarios import run
from scenarios.cluster.base import Cluster
from scenarios.events import Event, complaint
from scenarios.trace.story import Call, Message, story

MOST_CALLS = 5000
"""Kept until the request that they belong to has ended."""


class Overheard:
    """What has been heard so far. `finished` holds requests that are over, as the feed tells of them."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.finished: asyncio.Queue[Event] = asyncio.Queue()

    def hear(self, event: Event) -> None:
        if event.get("kind") == "request" and complaint(event) is None:
            self.finished.put_nowait(event)

    def hear_call(self, call: Call) -> None:
        self.calls.append(call)
        del self.calls[:-MOST_CALLS]

    def messages(self) -> list[Message]:
        """Of all finished requests that nobody has taken yet."""
        requests = []
        while not self.finished.empty():
            requests.append(self.finished.get_nowait())
        return story(requests, self.calls)


@asynccontextmanager
async def overhear(cluster: Cluster) -> AsyncIterator[Overheard]:
    """Listen while the block runs; at its end every request of it has been heard."""
    heard = Overheard()
    calls = await cluster.store_calls()

    async def copy() -> None:
        async for call in calls:
            heard.hear_call(call)

    copying = asyncio.ensure_future(copy())
    try:
        async with run.feed(cluster, [heard.hear]):
            yield heard
    finally:
        copying.cancel()
        await asyncio.gather(copying, return_exceptions=True)
        await calls.aclose()
