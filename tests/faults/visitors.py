"""Clients of every kind, drawn from a seed, for the soak: each knows what it has to get, and tells what it got."""

import asyncio
import hashlib
import itertools
import re
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
PATIENCE = 20.0
"""Seconds after which a visit is stuck: far more than all of the balancer's time limits."""
RESET = struct.pack("ii", 1, 0)


class Wrong(Exception):
    """An answer that cannot be right: somebody else's, or one that was passed off as whole."""


class Visitor:
    """One client at a time, again and again; `seen` counts what became of its requests."""

    numbers = itertools.count()

    def __init__(self, address: tuple[str, int], rng: Random, seen: Counter[str]) -> None:
        self.address = address
        self.rng = rng
        self.seen = seen
        self.kinds: dict[Callable[[Talk], Awaitable[None]], int] = {
            self.ask_a_few_times: 8, self.post: 6, self.post_chunks: 3, self.ask_for_much: 2, self.send_much: 1,
            self.ask_for_what_takes_long: 2, self.type_slowly: 1, self.open_a_tunnel: 2, self.ask_once: 4,
            self.go_away: 3, self.say_nothing: 1,
        }  # fmt: skip

    async def visit(self) -> None:
        """One connection. Raises Wrong, and TimeoutError when it is stuck."""
        (kind,) = self.rng.choices(list(self.kinds), list(self.kinds.values()))
        try:
            async with asyncio.timeout(PATIENCE):
                talk = Talk(*await asyncio.open_connection(*self.address))
                try:
                    await kind(talk)
                finally:
                    talk.writer.close()
        except (ConnectionError, asyncio.IncompleteReadError):
            self.seen["broken off"] += 1

    def path(self, kind: str = "") -> str:
        return f"{kind}/{next(self.numbers)}"

    async def check(self, talk: "Talk", path: str, body: bytes = b"") -> None:
        """Read the answer to this request. Raises ConnectionError if the connection ends with it."""
        status, content = await talk.answer()
        self.seen[str(status)] += 1
        if status == 200 and content.rstrip(b"+") != hashlib.sha256(path.encode() + b"|" + body).hexdigest().encode():
            raise Wrong(f"{content[:80]!r} to {path}")
        if status == 200 and path.startswith(("/large", "/chunked")) and len(content) != 64 + int(path.split("/")[2]):
            raise Wrong(f"{len(content)} bytes of {path}")

    async def ask_a_few_times(self, talk: "Talk") -> None:
        for _ in range(self.rng.randint(1, 10)):
            path = self.path()
            talk.send("GET", path)
            await self.check(talk, path)

    async def ask_once(self, talk: "Talk") -> None:
        path = self.path()
        talk.send("GET", path, "Connection: close")
        await self.check(talk, path)

    async def post(self, talk: "Talk") -> None:
        for _ in range(self.rng.randint(1, 5)):
            path, body = self.path(), self.rng.randbytes(self.rng.randint(1, 2000))
            talk.send("POST", path, f"Content-Length: {len(body)}", body=body)
            await self.check(talk, path, body)

    async def post_chunks(self, talk: "Talk") -> None:
        path, body = self.path(), self.rng.randbytes(self.rng.randint(1, 20_000))
        parts = [body[at : at + 3000] for at in range(0, len(body), 3000)]
        framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        talk.send("POST", path, "Transfer-Encoding: chunked", body=framed)
        await self.check(talk, path, body)

    async def ask_for_much(self, talk: "Talk") -> None:
        path = self.path(self.rng.choice(("/large/1000000", "/chunked/300000")))
        talk.send("GET", path)
        await self.check(talk, path)

    async def send_much(self, talk: "Talk") -> None:
        path, body = self.path(), self.rng.randbytes(1_000_000)
        talk.send("POST", path, f"Content-Length: {len(body)}")
        for at in range(0, len(body), 65536):
            talk.writer.write(body[at : at + 65536])
            await talk.writer.drain()
        await self.check(talk, path, body)

    async def ask_for_what_takes_long(self, talk: "Talk") -> None:
        path = self.path("/slow/500")
        talk.send("GET", path)
        await self.check(talk, path)

    async def type_slowly(self, talk: "Talk") -> None:
        path = self.path()
        for piece in (b"GET ", path.encode(), b" HTTP/1.1\r\nHo", b"st: shop.test\r", b"\n\r", b"\n"):
            talk.writer.write(piece)
            await asyncio.sleep(0.01)
        await self.check(talk, path)

    async def open_a_tunnel(self, talk: "Talk") -> None:
        talk.send("GET", self.path(), "Connection: Upgrade", "Upgrade: websocket")
        head = await talk.reader.readuntil(b"\r\n\r\n")
        self.seen[head[9:12].decode()] += 1
        if head.startswith(b"HTTP/1.1 101 "):
            for _ in range(5):
                said = self.rng.randbytes(1000)
                talk.writer.write(said)
                if await talk.reader.readexactly(len(said)) != said:
                    raise Wrong("a tunnel that changes what it carries")

    async def go_away(self, talk: "Talk") -> None:
        """In whatever phase."""
        path, body = self.path("/large/1000000"), b"x" * 1000
        talk.send("POST", path, "Content-Length: 2000", body=body)
        if self.rng.random() < 0.7:
            talk.writer.write(body)
            if self.rng.random() < 0.7:
                await talk.reader.readexactly(self.rng.choice((1, 10_000)))
        self.seen["gone"] += 1
        if self.rng.random() < 0.5:
            talk.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            talk.writer.transport.abort()

    async def say_nothing(self, talk: "Talk") -> None:
        self.seen["silent"] += 1


class Talk:
    """One connection's two directions."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, method: str, path: str, *fields: str, body: bytes = b"") -> None:
        head = "\r\n".join((f"{method} {path} HTTP/1.1", "Host: shop.test", *fields, "", ""))
        self.writer.write(head.encode() + body)

    async def answer(self) -> tuple[int, bytes]:
        """Status and content. Raises IncompleteReadError and ConnectionError when it is broken off."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        body = b""
        if b"\r\nTransfer-Encoding: chunked\r\n" in head:
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readuntil(b"\r\n")
        elif length := LENGTH.search(head):
            body = await self.reader.readexactly(int(length[1]))
        return int(head[9:12]), body
