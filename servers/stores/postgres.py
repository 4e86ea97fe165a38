"""PostgreSQL: one logbook for all servers, with a database's guarantees. Batched: one query per tick and kind."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from servers.stores.base import Clock, StoreFailed
from servers.stores.batched import Batch, BatchedStore

if TYPE_CHECKING:
    import asyncpg

# The database's clock decides: the servers' clocks differ. The lock: ten servers may start at once.
SCHEMA = """
SELECT pg_advisory_xact_lock(4872);
CREATE TABLE IF NOT EXISTS session (id text PRIMARY KEY, data bytea NOT NULL, expiry timestamptz NOT NULL);
"""
FIND = "SELECT id, data FROM session WHERE id = ANY($1::text[]) AND expiry > clock_timestamp()"
GIVEN = "unnest($1::text[], $2::bytea[], $3::float8[]) AS given(id, data, ttl)"
EXPIRY = "clock_timestamp() + given.ttl * interval '1 second'"
CREATE = f"""
INSERT INTO session SELECT given.id, given.data, {EXPIRY} FROM {GIVEN}
ON CONFLICT (id) DO UPDATE SET data = excluded.data, expiry = excluded.expiry
WHERE session.expiry <= clock_timestamp()
"""
UPDATE = f"""
UPDATE session SET data = given.data, expiry = {EXPIRY} FROM {GIVEN}
WHERE session.id = given.id AND session.expiry > clock_timestamp()
"""
DELETE = "DELETE FROM session WHERE id = ANY($1::text[])"
SWEEP = "DELETE FROM session WHERE expiry <= clock_timestamp()"
SWEEP_EVERY = 1000  # writes between two sweeps
LISTED = "FROM session WHERE starts_with(id, $1) AND expiry > clock_timestamp()"
MISSING = "the postgres store needs an extra: pip install 'session-lab[postgres]'"


class PostgresStore(BatchedStore):
    def __init__(self, url: str, timeout: float) -> None:
        super().__init__(timeout)
        self._url = url
        self._writes = 0
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._using = asyncio.Lock()  # a connection carries one query at a time

    def __repr__(self) -> str:
        return f"<PostgresStore {'connected' if self._connection else 'not connected'}>"

    @classmethod
    async def open(cls, url: str, timeout: float, clock: Clock) -> "PostgresStore":
        try:
            import asyncpg  # noqa: F401 - an extra; imported when asked for
        except ImportError as missing:
            raise StoreFailed(MISSING) from missing
        if not url:
            raise StoreFailed("the postgres store needs --store-url postgresql://USER@HOST/DATABASE")
        store = cls(url, max(timeout, 5.0))  # the first connection makes the table, behind a lock
        try:
            await store.find("")
        except StoreFailed as failure:
            await store.close()
            raise StoreFailed(f"PostgreSQL: {failure}; check --store-url (or DATABASE_URL)") from failure
        store.timeout = timeout
        return store

    async def perform(self, batch: Batch) -> list[bytes | None]:
        async with self._using:
            connection = await self._connected()
            for query, writes in ((CREATE, batch.creates), (UPDATE, batch.updates)):
                if writes:
                    data, ttls = zip(*writes.values(), strict=True)
                    await connection.execute(query, list(writes), data, ttls)
            if batch.deletes:
                await connection.execute(DELETE, batch.deletes)
            self._writes += len(batch.written)
            if self._writes >= SWEEP_EVERY:
                self._writes = 0
                await connection.execute(SWEEP)
            rows = await connection.fetch(FIND, batch.finds) if batch.finds else ()
        records = {row["id"]: row["data"] for row in rows}
        return [records.get(id) for id in batch.finds]

    async def disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def all(self, prefix: str) -> AsyncIterator[tuple[str, bytes, float]]:
        left = "extract(epoch FROM expiry - clock_timestamp())::float8 AS left"
        for row in await self._fetch(f"SELECT id, data, {left} {LISTED}", prefix):
            yield row["id"], row["data"], row["left"]

    async def count(self, prefix: str) -> int:
        count: int = (await self._fetch(f"SELECT count(*) AS count {LISTED}", prefix))[0]["count"]
        return count

    async def _fetch(self, query: str, prefix: str) -> "list[asyncpg.Record]":
        try:
            async with asyncio.timeout(self.timeout), self._using:
                return await (await self._connected()).fetch(query, prefix)
        except Exception as failure:
            await self.disconnect()
            raise StoreFailed(str(failure) or type(failure).__name__) from failure

    async def _connected(self) -> "asyncpg.Connection[asyncpg.Record]":
        import asyncpg

        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._url, timeout=self.timeout)
            async with self._connection.transaction():
                await self._connection.execute(SCHEMA)
        return self._connection
