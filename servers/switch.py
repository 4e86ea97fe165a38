"""The live switch of the store: no request is lost, and with `migrate` nobody is logged out."""

import asyncio
from collections.abc import AsyncIterator

from servers.session import Session
from servers.sessions import TOMBSTONE, Sessions
from servers.stores.base import OpenStore, Store

PATIENCE = 30.0  # seconds for the running requests to finish
AT_ONCE = 500  # records on their way

Record = tuple[str, bytes, float]  # ID, data, seconds left


async def switch(sessions: Sessions, old: OpenStore, new: OpenStore, *, migrate: bool) -> int:
    """Puts `new` in force and returns how many sessions were carried over. Requests that come meanwhile wait.

    Raises StoreFailed or TimeoutError, and then the old store is still in force. Neither store is closed here.
    """
    async with sessions.gate.shut(PATIENCE):
        moved = await copy(old, new) if migrate else 0
        sessions.store = new
    return moved


async def copy(old: OpenStore, new: Store) -> int:
    """The sessions moved. Tombstones go too: who logged out before the switch stays out after it."""
    moved = 0
    async for records in _pages(old.all("")):
        there = await asyncio.gather(*(new.find(id) for id, _, _ in records))
        moved += sum(
            await asyncio.gather(*(_carry(new, record, known) for record, known in zip(records, there, strict=True)))
        )
    return moved


async def _carry(new: Store, record: Record, known: bytes | None) -> bool:
    """One record. The new store may know an older state of it, from an earlier switch there and back."""
    id, data, ttl = record
    if id.startswith(TOMBSTONE):
        await new.delete(id.removeprefix(TOMBSTONE))
        await new.commit(id, data, ttl, new=known is None)
        return False
    if known is None or _last_seen(known) < _last_seen(data):
        await new.commit(id, data, ttl, new=known is None)
    return True


def _last_seen(record: bytes) -> float:
    try:
        return Session.from_bytes("", record).last_seen
    except (ValueError, KeyError, TypeError):
        return 0.0


async def _pages(records: AsyncIterator[Record]) -> AsyncIterator[list[Record]]:
    page: list[Record] = []
    async for record in records:
        page.append(record)
        if len(page) == AT_ONCE:
            yield page
            page = []
    if page:
        yield page
