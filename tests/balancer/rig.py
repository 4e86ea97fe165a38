"""What the balancer's tests play with: a balancer in this loop, scripted backends, and a client, all on real sockets.

Bytes in, bytes out: nothing here knows the balancer's parsers. Time is a number that the tests move.
"""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from balancer.arrival import doorway
from balancer.health import Checks
from balancer.plane import Listening, listen
from balancer.pool import Backend
from balancer.settings.addresses import parse_backend
from balancer.settings.config import BalancerConfig
from balancer.state import Balancer
from balancer.telling.metrics import TURNED_AWAY

DATE = "Date: Thu, 01 Jan 1970 00:00:00 GMT"
"""What `ok` says of when it was made, as most servers do."""
OUR_DATE = "Date: Sun, 06 Nov 1994 08:49:37 GMT"
"""What the balancer says of that; its day stands still (the time is RFC 9110's example)."""
OUR_TIME = 784111777.0

PATIENCE = 8.0
"""Seconds until a test that waits in vain fails."""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Answer:
    status: int
    fields: list[tuple[str, str]]
    body: bytes
    raw: bytes

    def __getitem__(self, name: str) -> str:
        """The value of a field that is there once."""
        (value,) = self.all(name)
        return value

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]


@dataclass
class Message:
    """A head and its body, as they came over the wire."""

    start: str
    fields: list[tuple[str, str]]
    body: bytes
    raw: bytes

    all = Answer.all
    __getitem__ = Answer.__getitem__
    __contains__ = Answer.__contains__


class Line:
    """One end of a connection, for people who type slowly."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        if self.writer.transport.is_closing():
            raise ConnectionResetError("the other side has ended")
        self.writer.write(data)

    async def flush(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.writer.drain()

    async def read(self, count: int) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readexactly(count)

    async def until(self, end: bytes) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readuntil(end)

    async def rest(self) -> bytes:
        """Everything until the other side ends. ConnectionError: it did not end orderly."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    async def closed(self) -> None:
        """Return once the other side has ended, in whatever manner, having said nothing more."""
        with suppress(ConnectionError):
            assert await self.rest() == b""

    async def message(self, bodyless: bool = False) -> Message:
        """A head, and the body that its fields announce (a chunked one as it came, with its framing)."""
        head = await self.until(b"\r\n\r\n")
        start, *lines = head[:-4].decode("latin-1").split("\r\n")
        fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        message = Message(start, fields, b"", head)
        if bodyless:
            return message
        if "transfer-encoding" in message:
            assert message["transfer-encoding"] == "chunked"
            _, message.body = await self.chunks()
        elif "content-length" in message:
            message.body = await self.read(int(message["content-length"]))
        message.raw += message.body
        return message

    async def answer(self, bodyless: bool = False) -> Answer:
        """The next response; `bodyless`: to HEAD, or a 1xx, 204 or 304."""
        message = await self.message(bodyless=True)
        version, status, _ = message.start.split(" ", 2)
        assert version == "HTTP/1.1"
        answer = Answer(int(status), message.fields, b"", message.raw)
        if not bodyless:
            if "transfer-encoding" in message:
                assert message["transfer-encoding"] == "chunked"
                answer.body, _ = await self.chunks()
            elif "content-length" in message:
                answer.body = await self.read(int(message["content-length"]))
            else:
                answer.body = await self.rest()
        return answer

    async def chunks(self) -> tuple[bytes, bytes]:
        """A chunked body: its content, and how it came."""
        content = raw = b""
        while size := int(line := await self.until(b"\r\n"), 16):
            raw += line + await self.read(size + 2)
            content += raw[-size - 2 : -2]
            assert raw.endswith(b"\r\n")
        while line != b"\r\n":
            raw += line
            line = await self.until(b"\r\n")
        return content, raw + line

    async def ask(self, request: bytes, bodyless: bool = False) -> Answer:
        self.send(request)
        return await self.answer(bodyless)

    def half_close(self) -> None:
        self.writer.write_eof()

    def abort(self) -> None:
        """End with a reset: whoever sent it wants nothing any more."""
        if not self.writer.transport.is_closing():
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()

    async def hang_up(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


def get(path: str = "/", *lines: str, host: str = "shop.test", version: str = "1.1", method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", f"Host: {host}", *lines, "", ""]).encode("latin-1")


def ok(body: bytes = b"ok", *lines: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", DATE, *lines, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode("latin-1") + body


Script = Callable[[Line], Awaitable[None]]


class Server:
    """A backend that follows a script for each connection. What goes wrong in a script fails the test at its end."""

    def __init__(self, script: Script | None = None, name: str = "") -> None:
        self.script = script or self.serve
        self.name = name
        self.reply: Callable[[Message], bytes] = lambda message: ok(name.encode() or b"ok")
        self.heard: list[Message] = []
        """The requests that `serve` has answered, in order."""
        self.lines: list[Line] = []
        self.problems: list[BaseException] = []
        self.arrived: asyncio.Queue[Line] = asyncio.Queue()
        self._talks: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Server | None = None
        self.port = 0
        self.tls: ssl.SSLContext | None = None
        self.limit = 1 << 20
        """Bytes that are read ahead of the script, at least."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def open(self) -> "Server":
        self._listening = await asyncio.start_server(
            self._greet, "127.0.0.1", self.port, limit=self.limit, ssl=self.tls, backlog=1024
        )
        self.port = self._listening.sockets[0].getsockname()[1]
        return self

    async def serve(self, line: Line) -> None:
        """The usual script: answer every request with `reply`, and remember it."""
        while True:
            message = await line.message()
            self.heard.append(message)
            line.send(self.reply(message))

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        line = Line(reader, writer)
        self.lines.append(line)
        self.arrived.put_nowait(line)
        try:
            await self.script(line)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass  # the balancer has ended this connection
        except Exception as problem:  # noqa: BLE001 - shown by close()
            self.problems.append(problem)
        finally:
            self._talks.discard(task)
            writer.close()

    def stop_listening(self) -> None:
        """Connections are refused from now on; those that exist go on."""
        assert self._listening is not None
        self._listening.close()

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.close()
        talks = list(self._talks)
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        for line in self.lines:
            line.abort()
        if self.problems:
            raise self.problems[0]


@dataclass
class Rig:
    """A balancer in this loop, whose time stands still until `pass_time`."""

    balancer: Balancer
    clock: Clock
    address: tuple[str, int]
    servers: dict[str, Server] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What the loop caught: an exception in a callback is a fault that nobody else would see."""
    _listening: Listening | None = None

    @classmethod
    async def start(cls, *servers: Server, **options: Any) -> "Rig":
        clock = Clock()
        problems: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(
            lambda _, context: problems.append(f"{context['message']}: {context.get('exception')!r}")
        )
        config = BalancerConfig(listen="127.0.0.1:0", **options)
        balancer = Balancer(config, Random(1), b"secret", clock, lambda: OUR_TIME)
        sock = socket.create_server(("127.0.0.1", 0), backlog=1000)
        listening = await listen(sock, doorway(balancer))
        rig = cls(balancer, clock, sock.getsockname()[:2], problems=problems, _listening=listening)
        for server in servers:
            await rig.add(server)
        return rig

    async def add(self, server: Server, weight: int = 1) -> Backend:
        """Open this server and put it into the pool, as 'a', 'b', ... unless it has a name."""
        server.name = server.name or "abcdefghij"[len(self.servers)]
        if not server.port:
            await server.open()
        self.servers[server.name] = server
        scheme = "https://localhost" if server.tls else "http://127.0.0.1"
        backend = parse_backend(f"{server.name}={scheme}:{server.port}*{weight}")
        self.balancer.pool.add(backend)
        return backend

    def backend(self, name: str = "a") -> Backend:
        backend = self.balancer.pool.find(name)
        assert backend is not None
        return backend

    async def connect(self, limit: int = 1 << 20, **options: Any) -> Line:
        reader, writer = await asyncio.open_connection(*self.address, limit=limit, **options)
        line = Line(reader, writer)
        self.lines.append(line)
        return line

    async def ask(self, request: bytes | None = None, bodyless: bool = False) -> Answer:
        """One request on a connection of its own."""
        line = await self.connect()
        answer = await line.ask(request or get(), bodyless)
        await line.hang_up()
        return answer

    def pass_time(self, seconds: float) -> None:
        """The clock goes on, in steps as fine as the real sweeps'."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.clock.now = min(until, self.clock.now + 0.25)
            self.balancer.sweep()

    def totals(self) -> dict[str, Any]:
        return self.balancer.pool.totals().record()

    async def settled(self) -> None:
        """Return once no request is in flight (the last bytes of an answer may be read before it is over)."""
        await until(lambda: not any(client.exchange for client in self.balancer.clients))

    async def close(self) -> None:
        assert self._listening is not None
        self._listening.close()
        for line in self.lines:
            line.abort()
        for client in list(self.balancer.clients):
            client.transport.abort()
        for upstream in list(self.balancer.upstreams):
            upstream.transport.abort()
        for task in list(self.balancer.tasks):
            task.cancel()
        for server in self.servers.values():
            await server.close()
        assert not self.problems, self.problems
        assert set(self.balancer.turned_away) <= set(TURNED_AWAY), "a reason that no metric is known by"


async def events(feed: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    """A feed's batches, one event after the other."""
    async for batch in feed:
        for line in batch.splitlines():
            yield json.loads(line)


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until this is so."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - conditions on many things, of which few have an event
            await asyncio.sleep(0)


async def turns(count: int = 1000) -> None:
    """Let the loop run so often: whoever can go on, on either side, does so in each turn. What stands still then is
    held up."""
    for _ in range(count):
        await asyncio.sleep(0)


async def checked_for(rig: Rig, checks: Checks, seconds: float, hanging: str = "") -> None:
    """So much time passes; then what is due is checked, to the end, except for the servers that hang."""
    rig.pass_time(seconds)
    checks.sweep(rig.clock.now)
    await until(
        lambda: (
            not any(
                turn.running is not None and not turn.running.done()
                for backend, turn in checks.turns.items()
                if backend.name not in hanging
            )
        )
    )
