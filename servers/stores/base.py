"""The logbook: where a server writes down whom an ID belongs to. Bytes in, bytes out."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Protocol, runtime_checkable

Clock = Callable[[], float]


class StoreFailed(Exception):
    """The store did not answer, or not in time. Nothing is known about the ID: try again later."""


class Store(Protocol):
    """Every method raises StoreFailed when the store fails; "not found" is an answer, not a failure."""

    def find(self, id: str) -> Awaitable[bytes | None]:
        """The record, or None when there is none or its time is over."""

    def commit(self, id: str, data: bytes, ttl: float, *, new: bool) -> Awaitable[None]:
        """Keeps `data` for `ttl` seconds. With `new` only if the ID is free; without, only if it is
        still there - else nothing is written, so a slow request cannot bring back a session that a
        logout has ended meanwhile."""

    def delete(self, id: str) -> Awaitable[None]:
        """Forgets the record, if there is one."""


@runtime_checkable
class IterableStore(Protocol):
    """A store that can list its records: needed to migrate and to count. Raises StoreFailed."""

    def all(self, prefix: str) -> AsyncIterator[tuple[str, bytes, float]]:
        """(ID, data, seconds left) of each record whose ID begins with `prefix`."""

    async def count(self, prefix: str) -> int:
        """How many records have an ID that begins with `prefix`."""


class OpenStore(Store, IterableStore, Protocol):
    async def close(self) -> None: ...


@dataclass(frozen=True)
class StoreKind:
    """One line of the STORES table. The driver is imported when a store is opened: the table costs nothing."""

    where: str  # MODULE:CLASS
    summary: str

    async def open(self, url: str, timeout: float, clock: Clock) -> OpenStore:
        """`timeout`: seconds a request may take. Raises StoreFailed with a line that says what to do next."""
        store: OpenStore = await resolve_name(self.where).open(url, timeout, clock)
        return store
