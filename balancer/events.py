"""The feed: one wide event per request, only while somebody subscribes. Bounded: overflow becomes `dropped`, never a wait."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

MOST_WAITING = 20_000
"""Events that one slow subscriber may be behind."""


class Feed:
    def __init__(self) -> None:
        self._queues: dict[asyncio.Queue[dict[str, Any]], int] = {}

    def __bool__(self) -> bool:
        """Whether anybody listens: nothing is built for nobody."""
        return bool(self._queues)

    def put(self, event: dict[str, Any]) -> None:
        for queue, dropped in self._queues.items():
            if queue.qsize() >= MOST_WAITING:
                self._queues[queue] = dropped + 1
                continue
            if dropped:
                queue.put_nowait({"kind": "dropped", "count": dropped})
                self._queues[queue] = 0
            queue.put_nowait(event)

    async def subscribe(self) -> AsyncIterator[dict[str, Any]]:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._queues[queue] = 0
        try:
            while True:
                yield await queue.get()
        finally:
            del self._queues[queue]
