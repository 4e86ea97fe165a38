"""What is asked of the logbook, told to whoever listens (`lab trace`). Nobody listening, nothing is in the way."""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from servers.session import Session, shorten
from servers.sessions import TOMBSTONE, Sessions
from servers.stores.base import Store

MOST_WAITING = 10_000
"""Calls that one listener may be behind; what is more is dropped, and counted."""

Call = dict[str, Any]


class StoreCalls:
    """Everybody who listens. While somebody does, a `ToldStore` stands in front of the store in force."""

    def __init__(self, sessions: Sessions, wall: Callable[[], float] = time.time) -> None:
        self._sessions = sessions
        self._wall = wall
        self._listeners: dict[asyncio.Queue[Call], int] = {}  # and how many calls each has missed

    def listen(self) -> AsyncGenerator[Call, None]:
        """Every call from now on, without an end: {time (Unix, seconds, when it was answered), do: find, commit or
        delete, id (shortened), hash (as in the balancer's feed), ended (it is the note of an ended session), ...}.
        A `find` has `found` and the record's `user`, a `commit` has `new` and `user`. {missed: count}: a slow listener
        has lost so many."""
        calls: asyncio.Queue[Call] = asyncio.Queue(MOST_WAITING)
        self._listeners[calls] = 0
        self.stand_in_front()
        return self._read(calls)

    def stand_in_front(self) -> None:
        """Called again after each switch of the store."""
        if self._listeners and not isinstance(self._sessions.store, ToldStore):
            self._sessions.store = ToldStore(self._sessions.store, self._tell)

    async def _read(self, calls: asyncio.Queue[Call]) -> AsyncGenerator[Call, None]:
        try:
            while True:
                call = await calls.get()
                if missed := self._listeners[calls]:
                    self._listeners[calls] = 0
                    yield {"missed": missed}
                yield call
        finally:
            del self._listeners[calls]
            store = self._sessions.store
            if not self._listeners and isinstance(store, ToldStore):
                self._sessions.store = store.behind

    def _tell(self, do: str, id: str, **more: Any) -> None:
        session = id.removeprefix(TOMBSTONE)
        call = {
            "time": self._wall(), "do": do, "id": shorten(session), "hash": hash_of(session),
            "ended": session != id, **more,
        }  # fmt: skip
        for listener in self._listeners:
            try:
                listener.put_nowait(call)
            except asyncio.QueueFull:
                self._listeners[listener] += 1


class ToldStore:
    """A store that tells of each call once it is answered. Failures pass through untold: the answer tells them."""

    def __init__(self, behind: Store, tell: Callable[..., None]) -> None:
        self.behind = behind
        self._tell = tell

    async def find(self, id: str) -> bytes | None:
        record = await self.behind.find(id)
        self._tell("find", id, found=record is not None, user=user_of(record))
        return record

    async def commit(self, id: str, data: bytes, ttl: float, *, new: bool) -> None:
        await self.behind.commit(id, data, ttl, new=new)
        self._tell("commit", id, new=new, user=user_of(data))

    async def delete(self, id: str) -> None:
        await self.behind.delete(id)
        self._tell("delete", id)


def hash_of(id: str) -> str:
    """What tells sessions apart and opens none: as the balancer's feed has it."""
    return hashlib.sha256(id.encode()).hexdigest()[:12]


def user_of(record: bytes | None) -> str | None:
    try:
        return None if record is None else Session.from_bytes("", record).user
    except (ValueError, KeyError, TypeError):
        return None
