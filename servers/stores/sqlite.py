"""One SQLite file, shared by the servers of one machine. Batched, in one thread: the event loop never waits."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from servers.sqlite_file import set_up
from servers.stores.base import Clock, StoreFailed
from servers.stores.batched import Batch, BatchedStore

T = TypeVar("T")

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;  -- a power cut may cost the last sessions, never the file
CREATE TABLE IF NOT EXISTS session (id TEXT PRIMARY KEY, data BLOB NOT NULL, expiry REAL NOT NULL) WITHOUT ROWID;
"""
UPSERT = """
INSERT INTO session VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET data = excluded.data, expiry = excluded.expiry WHERE expiry <= ?
"""
LISTED = "WHERE substr(id, 1, length(?)) = ? AND expiry > ?"
SWEEP_EVERY = 1000  # writes between two removals of what has expired


class SqliteStore(BatchedStore):
    def __init__(self, path: str, timeout: float, clock: Clock) -> None:
        super().__init__(timeout)
        self._path = path
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "sqlite")
        self._db: sqlite3.Connection | None = None
        self._writes = 0

    def __repr__(self) -> str:
        return f"<SqliteStore {self._path}>"

    @classmethod
    async def open(cls, url: str, timeout: float, clock: Clock) -> "SqliteStore":
        if not url:
            raise StoreFailed("the sqlite store needs a file: --store-url /path/to/sessions.db")
        store = cls(url, timeout, clock)
        try:
            await store.find("")
        except StoreFailed as failure:
            await store.close()
            raise StoreFailed(f"cannot use {url} as a session store: {failure}") from failure
        return store

    async def perform(self, batch: Batch) -> list[bytes | None]:
        return await self._in_thread(lambda db: self._perform(db, batch))

    async def disconnect(self) -> None:
        """SQLite's own time limit ends what runs in the thread; the file needs no new connection."""

    async def close(self) -> None:
        await super().close()
        if self._db is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._db.close)
            self._db = None
        self._thread.shutdown(wait=False)

    async def all(self, prefix: str) -> AsyncIterator[tuple[str, bytes, float]]:
        now = self._clock()
        query = f"SELECT id, data, expiry - ? FROM session {LISTED}"
        for record in await self._in_thread(lambda db: db.execute(query, (now, prefix, prefix, now)).fetchall()):
            yield record

    async def count(self, prefix: str) -> int:
        query, now = f"SELECT count(*) FROM session {LISTED}", self._clock()
        count: int = (await self._in_thread(lambda db: db.execute(query, (prefix, prefix, now)).fetchone()))[0]
        return count

    async def _in_thread(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            if self._db is None:
                self._db = _connect(self._path, self.timeout)
            return work(self._db)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, run)
        except (sqlite3.Error, OSError) as failure:
            raise StoreFailed(str(failure)) from failure

    def _perform(self, db: sqlite3.Connection, batch: Batch) -> list[bytes | None]:
        now = self._clock()
        if batch.written:
            self._write(db, batch, now)
        records = {}
        for id in batch.finds:
            row = db.execute("SELECT data FROM session WHERE id = ? AND expiry > ?", (id, now)).fetchone()
            records[id] = row and row[0]
        return [records[id] for id in batch.finds]

    def _write(self, db: sqlite3.Connection, batch: Batch, now: float) -> None:
        creates = [(id, data, now + ttl, now) for id, (data, ttl) in batch.creates.items()]
        updates = [(data, now + ttl, id, now) for id, (data, ttl) in batch.updates.items()]
        with db:  # one transaction for the batch
            db.execute("BEGIN IMMEDIATE")
            db.executemany(UPSERT, creates)
            db.executemany("UPDATE session SET data = ?, expiry = ? WHERE id = ? AND expiry > ?", updates)
            db.executemany("DELETE FROM session WHERE id = ?", [(id,) for id in batch.deletes])
            self._writes += len(batch.written)
            if self._writes >= SWEEP_EVERY:
                db.execute("DELETE FROM session WHERE expiry <= ?", (now,))
                self._writes = 0


def _connect(path: str, timeout: float) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # session IDs are as good as passwords
    db = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
    set_up(db, SCHEMA)
    return db
