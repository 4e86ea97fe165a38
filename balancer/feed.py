"""The feed: one wide event per request, and marks. Bounded: what a slow reader misses becomes one `dropped` record."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any

MOST_WAITING = 20_000
"""Events one subscriber may be behind."""

Event = dict[str, Any]


class Subscriber:
    """One reader of the feed, and what waits for it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[Event] = deque()
        self._dropped = 0
        self._awake = asyncio.Event()

    def put(self, event: Event) -> None:
        """Never waits: beyond `most` the event is dropped, and counted."""
        if len(self._waiting) >= self._most:
            self._dropped += 1
            return
        if self._dropped:
            self._waiting.append(self._missed())
        self._waiting.append(event)
        self._awake.set()

    async def get(self) -> Event:
        while not self._waiting:
            if self._dropped:
                return self._missed()
            self._awake.clear()
            await self._awake.wait()
        return self._waiting.popleft()

    def _missed(self) -> Event:
        missed, self._dropped = self._dropped, 0
        return {"kind": "dropped", "count": missed}


class Feed:
    """Everybody who listens. `if feed.subscribers:` before building an event: nothing is made for nobody."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self.subscribers: list[Subscriber] = []
        self._most_waiting = most_waiting

    def put(self, event: Event) -> None:
        for subscriber in self.subscribers:
            subscriber.put(event)

    def subscribe(self) -> AsyncGenerator[Event, None]:
        """Every event from this call on; an async generator without an end."""
        subscriber = Subscriber(self._most_waiting)
        self.subscribers.append(subscriber)
        return self._read(subscriber)

    async def _read(self, subscriber: Subscriber) -> AsyncGenerator[Event, None]:
        try:
            while True:
                yield await subscriber.get()
        finally:
            self.subscribers.remove(subscriber)
