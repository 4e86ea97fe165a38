"""A process of the lab's that passes on what two others tell each other, and so can be between them what a network is.

Between the servers and the user's own store it can be stopped: the lab may not stop a Redis it did not start, because
others may use it (`plan`). Between the balancer and a server it can be slow (lag.py).
"""

import asyncio
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from scenarios.cluster.lag import Lag
from scenarios.errors import LabError

PORTS = {"redis": 6379, "postgres": 5432, "postgresql": 5432}
CHUNK = 65536
ON_THE_WAY = 64
"""Chunks that a slow connection holds each way; whoever sends more has to wait."""
AT_ONCE = Lag(0.0)
Way = asyncio.Queue[tuple[float, bytes]]
"""When each chunk arrives (the loop's clock), and what it is; the empty one is the end."""


def plan(url: str, folder: Path) -> tuple[dict[str, Any], str]:
    """(the relay's configuration, the URL of the same store through it).

    Raises LabError for a store over TLS, whose certificate would not name the relay.
    """
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.scheme not in (*PORTS, "unix") or query.get("sslmode", "disable") not in ("disable", "allow", "prefer"):
        raise LabError("an outage of your own store is not possible over TLS: unset its URL to let the lab start one")
    user = parts.netloc.rpartition("@")[0]
    login = f"{user}@" if user else ""
    if parts.scheme.startswith("postgres"):
        host, port = parts.hostname or query.get("host", "127.0.0.1"), parts.port or int(query.get("port", 5432))
        target = {"path": f"{host}/.s.PGSQL.{port}"} if host.startswith("/") else {"host": host, "port": port}
        query = {**query, "host": str(folder), "port": "5432", "sslmode": "disable"}
        through = f"{parts.scheme}://{login}{parts.path}?{urlencode(query, safe='/')}"
        return {"listen": str(folder / ".s.PGSQL.5432"), **target}, through
    listen = str(folder / "relay.sock")
    if parts.scheme == "unix":
        return {"listen": listen, "path": parts.path}, f"unix://{login}{listen}?{parts.query}"
    query = {"db": parts.path.strip("/") or "0", **query}
    target = {"host": parts.hostname or "127.0.0.1", "port": parts.port or PORTS["redis"]}
    return {"listen": listen, **target}, f"unix://{login}{listen}?{urlencode(query)}"


def run(config: dict[str, Any], on_ready: Callable[[str], None]) -> None:
    """Relay until SIGTERM; then until nobody is connected any more.

    `config`: `listen` (a Unix socket, or HOST:PORT) and where to: `host` with `port`, or `path`; for a slow one `lag`,
    the fields of a Lag, and `seed`.
    """
    if config["listen"].startswith("/"):
        Path(config["listen"]).unlink(missing_ok=True)  # left by the one before, which was killed
    asyncio.run(relay(config, on_ready))


async def relay(config: dict[str, Any], on_ready: Callable[[str], None]) -> None:
    lag, random = Lag(**config["lag"]) if "lag" in config else AT_ONCE, Random(config.get("seed"))
    stop, left = asyncio.Event(), asyncio.Event()
    connected: set[asyncio.StreamWriter] = set()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.add(writer)
        try:
            await asyncio.sleep(lag.delay)  # the handshake's round trip: the system has answered in the server's place
            await pass_on(reader, writer, config, partial(carry, lag=lag, random=random))
        finally:
            writer.close()
            connected.discard(writer)
            left.set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    on_ready(await listen(greet, config["listen"]))
    await stop.wait()
    while connected:
        left.clear()
        await left.wait()


async def listen(greet: Callable[..., Any], at: str) -> str:
    """The address, which is another than `at` if that had port 0."""
    if at.startswith("/"):
        await asyncio.start_unix_server(greet, at)
        return at
    host, _, port = at.rpartition(":")
    server = await asyncio.start_server(greet, host, int(port), backlog=1024)
    return f"{host}:{server.sockets[0].getsockname()[1]}"


async def pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, config: dict[str, Any], carry: Callable[..., Any]
) -> None:
    """One connection, until both sides have ended it, or one of them broke off."""
    try:
        if path := config.get("path"):
            from_there, there = await asyncio.open_unix_connection(path)
        else:
            from_there, there = await asyncio.open_connection(config["host"], config["port"])
    except OSError:
        return
    try:
        async with asyncio.TaskGroup() as ways:
            ways.create_task(carry(reader, there))
            ways.create_task(carry(from_there, writer))
    except* OSError:
        writer.transport.abort()
    finally:
        there.close()


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lag: Lag, random: Random) -> None:
    """One way: everything as late as the lag says, in its order, and at last the end."""
    way: Way = asyncio.Queue(ON_THE_WAY)
    writer.transport.set_write_buffer_limits(0)  # nothing is kept here that would be lost with this process
    async with asyncio.TaskGroup() as both:
        both.create_task(depart(reader, way, lag, random))
        both.create_task(arrive(way, writer))


async def depart(reader: asyncio.StreamReader, way: Way, lag: Lag, random: Random) -> None:
    clock = asyncio.get_running_loop().time
    chunk = max(1, min(CHUNK, lag.rate // 20)) if lag.rate else CHUNK
    due = free = clock()  # when what was sent last arrives, and when the line is free for more
    data = b"begin"
    while data:
        data = await reader.read(chunk)
        free = max(free, clock()) + (len(data) / lag.rate if lag.rate else 0)
        due = max(due, free + lag.one_way(random))
        await way.put((due, data))


async def arrive(way: Way, writer: asyncio.StreamWriter) -> None:
    clock = asyncio.get_running_loop().time
    data = b"begin"
    while data:
        due, data = await way.get()
        if (left := due - clock()) > 0:
            await asyncio.sleep(left)
        writer.write(data)
        await writer.drain()
    writer.write_eof()
