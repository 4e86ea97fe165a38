"""How the way to somebody's own store is replaced by a detour, and what passes through a relay."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from scenarios.cluster.lag import Lag
from scenarios.cluster.relay import carry, listen, pass_on, plan
from scenarios.errors import LabError

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Through = Callable[[Talk, Lag], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]

FOLDER = Path("/run/lab")


@pytest.mark.parametrize(
    ("url", "target", "through"),
    [
        (
            "redis://127.0.0.1:7000/3",
            {"listen": "/run/lab/relay.sock", "host": "127.0.0.1", "port": 7000},
            "unix:///run/lab/relay.sock?db=3",
        ),
        (
            "redis://u:p%40ss@example.test",
            {"listen": "/run/lab/relay.sock", "host": "example.test", "port": 6379},
            "unix://u:p%40ss@/run/lab/relay.sock?db=0",
        ),
        (
            "unix:///tmp/redis.sock?db=1",
            {"listen": "/run/lab/relay.sock", "path": "/tmp/redis.sock"},
            "unix:///run/lab/relay.sock?db=1",
        ),
        (
            "postgresql://u:p@example.test:5433/shop",
            {"listen": "/run/lab/.s.PGSQL.5432", "host": "example.test", "port": 5433},
            "postgresql://u:p@/shop?host=/run/lab&port=5432&sslmode=disable",
        ),
        (
            "postgresql://u@/shop?host=/tmp/pg",
            {"listen": "/run/lab/.s.PGSQL.5432", "path": "/tmp/pg/.s.PGSQL.5432"},
            "postgresql://u@/shop?host=/run/lab&port=5432&sslmode=disable",
        ),
    ],
)
def test_plan(url: str, target: dict[str, object], through: str) -> None:
    assert plan(url, FOLDER) == (target, through)


@pytest.mark.parametrize("url", ["rediss://127.0.0.1", "postgresql://u@127.0.0.1/shop?sslmode=require"])
def test_a_store_over_tls_has_no_detour(url: str) -> None:
    with pytest.raises(LabError, match="not possible over TLS"):
        plan(url, FOLDER)


@pytest.fixture
async def through() -> AsyncIterator[Through]:
    """A connection to somebody who talks like this, through a relay."""
    writers: list[asyncio.StreamWriter] = []

    async def connect(talk: Talk, lag: Lag) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, _, port = (await listen(talk, "127.0.0.1:0")).rpartition(":")
        there = {"host": host, "port": int(port)}

        async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await carry(reader, writer, lag, Random(1))

        async def relayed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await pass_on(reader, writer, there, late)
            writer.close()

        host, _, port = (await listen(relayed, "127.0.0.1:0")).rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writers.append(writer)
        return reader, writer

    yield connect
    for writer in writers:
        writer.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def test_everything_comes_through_in_its_order_and_so_does_the_end(through: Through) -> None:
    reader, writer = await through(echo, Lag(0.002, jitter=0.002))
    sent = Random(2).randbytes(3_000_000)
    writer.write(sent)
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(-1), 30) == sent


async def test_a_round_trip_takes_the_delay_longer_and_the_rate_holds(through: Through) -> None:
    clock = asyncio.get_running_loop().time
    reader, writer = await through(echo, Lag(0.1, rate=100_000))
    begun = clock()
    writer.write(b"x")
    await reader.readexactly(1)
    assert clock() - begun >= 0.1
    begun = clock()
    writer.write(bytes(30_000))
    await reader.readexactly(30_000)
    assert clock() - begun >= 0.3 + 0.1


async def test_who_breaks_off_is_missed_on_the_other_side(through: Through) -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(4)
        writer.transport.abort()

    reader, writer = await through(rude, Lag(0.001))
    writer.write(b"GET ")
    with suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 10) == b""


async def test_where_nobody_listens_the_connection_ends(through: Through) -> None:
    async def nobody(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await pass_on(reader, writer, {"path": "/nowhere.sock"}, echo)
        writer.close()

    host, _, port = (await listen(nobody, "127.0.0.1:0")).rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
