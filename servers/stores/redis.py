"""Redis or Valkey: one logbook for all servers. One MGET per event-loop tick, see batched.py."""

from collections.abc import AsyncIterator
from typing import Any

import redis.asyncio as redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from servers.stores.base import Clock, StoreFailed
from servers.stores.batched import Batch, BatchedStore

PREFIX = "session:"
PAGE = 500  # keys asked for at a time when listing


class RedisStore(BatchedStore):
    def __init__(self, url: str, timeout: float) -> None:
        try:
            pool = redis.ConnectionPool.from_url(
                url, socket_timeout=None, retry=None, health_check_interval=0, protocol=2
            )
            self._connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]
        except (ValueError, TypeError) as problem:
            raise StoreFailed(f"a Redis URL looks like redis://127.0.0.1:6379/0, not {url!r}") from problem
        self._client = redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)
        super().__init__(timeout)

    def __repr__(self) -> str:
        return f"<RedisStore {self._connection!r}>"

    @classmethod
    async def open(cls, url: str, timeout: float, clock: Clock) -> "RedisStore":
        """The clock is not needed: Redis counts the time to live itself."""
        store = cls(url or "redis://127.0.0.1:6379/0", timeout)
        try:
            await store.find("")
        except StoreFailed as failure:
            await store.close()
            raise StoreFailed(f"Redis: {failure}; check --store-url (or REDIS_URL)") from failure
        return store

    async def perform(self, batch: Batch) -> list[bytes | None]:
        fresh = not self._connection.is_connected
        try:
            return await self._exchange(batch)
        except (redis.ConnectionError, OSError) as failure:
            if fresh or isinstance(failure, TimeoutError):
                raise
        # the connection had been lost while nobody was looking (Redis restarted): every command may be repeated
        await self.disconnect()
        return await self._exchange(batch)

    async def disconnect(self) -> None:
        await self._connection.disconnect(nowait=True)

    async def close(self) -> None:
        await super().close()
        await self._client.aclose()

    async def all(self, prefix: str) -> AsyncIterator[tuple[str, bytes, float]]:
        try:
            async for keys in self._pages(prefix):
                async with self._client.pipeline(transaction=False) as pipe:
                    pipe.mget(keys)
                    for key in keys:
                        pipe.pttl(key)
                    records, *milliseconds = await pipe.execute()
                for key, data, left in zip(keys, records, milliseconds, strict=True):
                    if data is not None and left > 0:
                        yield key.decode()[len(PREFIX) :], data, left / 1000
        except (RedisError, OSError) as failure:
            raise StoreFailed(str(failure)) from failure

    async def count(self, prefix: str) -> int:
        try:
            return len({key async for keys in self._pages(prefix) for key in keys})
        except (RedisError, OSError) as failure:
            raise StoreFailed(str(failure)) from failure

    async def _pages(self, prefix: str) -> AsyncIterator[list[bytes]]:
        cursor: Any = 0
        keys: Any  # bytes: decode_responses is off
        while True:
            cursor, keys = await self._client.scan(cursor, f"{PREFIX}{prefix}*", PAGE)
            if keys:
                yield keys
            if cursor == 0:
                return

    async def _exchange(self, batch: Batch) -> list[bytes | None]:
        commands: list[tuple[Any, ...]] = []
        if batch.finds:
            commands.append(("MGET", *[PREFIX + id for id in batch.finds]))
        for writes, condition in ((batch.creates, "NX"), (batch.updates, "XX")):
            for id, (data, ttl) in writes.items():
                commands.append(("SET", PREFIX + id, data, "PX", max(1, round(ttl * 1000)), condition))
        if batch.deletes:
            commands.append(("DEL", *[PREFIX + id for id in batch.deletes]))
        connection = self._connection
        await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        # every answer is read, also after an error, so that the next batch reads its own
        answers = [await _answer(connection) for _ in commands]
        for answer in answers:
            if isinstance(answer, RedisError):
                raise StoreFailed(str(answer)) from answer
        return answers[0] if batch.finds else []


async def _answer(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response(disable_decoding=True)
    except redis.ConnectionError:
        raise
    except RedisError as refusal:  # READONLY, OOM, LOADING: Redis lives and says no
        return refusal
