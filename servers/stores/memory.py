"""A dictionary in the server's own memory: fast, and unknown to every other server."""

from collections.abc import AsyncIterator

from servers.stores.base import Clock


class MemoryStore:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: dict[str, tuple[bytes, float]] = {}  # ID -> data, time of expiry
        self._written = 0  # commits since the last sweep

    def __repr__(self) -> str:
        return f"<MemoryStore {len(self._records)} records>"

    @classmethod
    async def open(cls, url: str, timeout: float, clock: Clock) -> "MemoryStore":
        return cls(clock)

    async def find(self, id: str) -> bytes | None:
        record = self._records.get(id)
        if record is None:
            return None
        data, expiry = record
        if expiry <= self._clock():
            del self._records[id]
            return None
        return data

    async def commit(self, id: str, data: bytes, ttl: float, *, new: bool) -> None:
        if new == (await self.find(id) is None):
            self._records[id] = data, self._clock() + ttl
            self._sweep()

    async def delete(self, id: str) -> None:
        self._records.pop(id, None)

    async def all(self, prefix: str) -> AsyncIterator[tuple[str, bytes, float]]:
        now = self._clock()
        for id, (data, expiry) in list(self._records.items()):
            if expiry > now and id.startswith(prefix):
                yield id, data, expiry - now

    async def count(self, prefix: str) -> int:
        now = self._clock()
        return sum(expiry > now and id.startswith(prefix) for id, (_, expiry) in self._records.items())

    async def close(self) -> None:
        self._records.clear()

    def _sweep(self) -> None:
        """Drops the expired, once in as many commits as there are records: constant cost per commit."""
        self._written += 1
        if self._written > len(self._records):
            now = self._clock()
            self._records = {id: record for id, record in self._records.items() if record[1] > now}
            self._written = 0
