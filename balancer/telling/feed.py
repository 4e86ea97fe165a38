"""The feed: one wide event per request, and marks. Bounded: what a slow reader misses becomes one `dropped` record.

Events are lines of JSON from the start, made once for all readers, and readers get them in batches: a line for each
reader, woken for each event, would cost more than serving the request does.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any

MOST_WAITING = 20_000
"""Events one subscriber may be behind."""
MOST_BYTES = 16 * 1024 * 1024
"""Of them together: events are as long as what clients ask for."""
BATCH = 0.02
"""Seconds in which events gather for one batch."""


class Subscriber:
    """One reader of the feed, and what waits for it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: list[str] = []
        self._bytes = 0
        self._dropped = 0
        self._awake = asyncio.Event()

    def put(self, line: str) -> None:
        """Never waits: beyond `most` events or MOST_BYTES the event is dropped, and counted."""
        size = self._bytes + len(line)
        if len(self._waiting) >= self._most or size > MOST_BYTES:
            self._dropped += 1
            return
        self._bytes = size
        if self._dropped:
            self._waiting.append(self._missed())
        self._waiting.append(line)
        if len(self._waiting) == 1:
            self._awake.set()

    async def batch(self) -> str:
        """Whole lines: at least one event."""
        await self._awake.wait()
        await asyncio.sleep(BATCH)
        self._awake.clear()
        if self._dropped:
            self._waiting.append(self._missed())
        lines, self._waiting, self._bytes = self._waiting, [], 0
        return "".join(lines)

    def _missed(self) -> str:
        missed, self._dropped = self._dropped, 0
        return line_of({"kind": "dropped", "count": missed})


class Feed:
    """Everybody who listens. `told` is called with True for the first reader, with False after the last."""

    def __init__(self, told: Callable[[bool], None] = lambda listening: None, most_waiting: int = MOST_WAITING) -> None:
        self.subscribers: list[Subscriber] = []
        self._told = told
        self._most_waiting = most_waiting

    def put(self, line: str) -> None:
        for subscriber in self.subscribers:
            subscriber.put(line)

    def subscribe(self, first: str = "") -> AsyncGenerator[str, None]:
        """Every event from this call on, in batches of JSON Lines, after the line `first`; an async generator without
        an end."""
        subscriber = Subscriber(self._most_waiting)
        self.subscribers.append(subscriber)
        if first:
            subscriber.put(first)
        if len(self.subscribers) == 1:
            self._told(True)
        return self._read(subscriber)

    async def _read(self, subscriber: Subscriber) -> AsyncGenerator[str, None]:
        try:
            while True:
                yield await subscriber.batch()
        finally:
            self.subscribers.remove(subscriber)
            if not self.subscribers:
                self._told(False)


def line_of(event: dict[str, Any]) -> str:
    return json.dumps(event, separators=(",", ":")) + "\n"
