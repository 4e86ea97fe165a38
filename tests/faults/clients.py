"""Clients in a closed loop: each asks, checks that the answer is its own, thinks, and asks again."""

import asyncio
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable
from random import Random

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
CLOSES = re.compile(rb"(?i)\r\nconnection: *close\r\n")

Think = Callable[[Random], float]


class Failed(Exception):
    """No 2xx answer to a request; the message says what came instead."""


class Crowd:
    """So many clients, who ask for the same number of requests together: half of them POST, the others GET.

    `hasty` ones among the clients open a connection for each request.
    """

    def __init__(
        self, address: tuple[str, int], clients: int, requests: int, think: Think | None = None, hasty: int = 0
    ) -> None:
        self.address = address
        self.clients = clients
        self.failures: Counter[str] = Counter()
        self.answered = 0
        self.posted: set[str] = set()
        """The IDs of all POSTs; each is its path, too."""
        self._requests = requests
        self._numbers = itertools.count()
        self._think = think
        self._hasty = hasty

    @property
    def over(self) -> bool:
        return self.answered + self.failures.total() >= self._requests

    def stop(self) -> None:
        """Ask no more."""
        self._requests = 0

    async def play(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(self.clients):
                group.create_task(self._client(Random(number), hasty=number < self._hasty))

    async def _client(self, rng: Random, hasty: bool) -> None:
        connection = Connection(self.address)
        try:
            while (number := next(self._numbers)) < self._requests:
                if self._think is not None:
                    await asyncio.sleep(self._think(rng))
                await self._ask(connection, "POST" if rng.random() < 0.5 else "GET", f"/{number}")
                if hasty:
                    connection.close()
        finally:
            connection.close()

    async def _ask(self, connection: "Connection", method: str, path: str) -> None:
        if method == "POST":
            self.posted.add(path)
        try:
            body = await connection.ask(method, path)
            if body != path.encode():
                raise Failed(f"the answer to another request: {body[:80]!r} to {path}")
            self.answered += 1
        except (Failed, OSError) as failure:
            self.failures[f"{method}: {failure or type(failure).__name__}"] += 1


class Connection(asyncio.Protocol):
    """One client's connection, opened when there is something to ask, and again when the other side has ended it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._buffer = b""

    async def ask(self, method: str, path: str) -> bytes:
        """The answer's body. Raises Failed and OSError."""
        if self._transport is None or self._transport.is_closing():
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_connection(lambda: self, *self._address)
            self._buffer = b""
        self._answer = asyncio.get_running_loop().create_future()
        body = path if method == "POST" else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: shop.test\r\n"
        head += f"Content-Length: {len(body)}\r\n" if body else ""
        self._transport.write(f"{head}\r\n{body}".encode())
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n") + 4
        length = LENGTH.search(self._buffer, 0, end)
        if end < 4 or length is None or len(self._buffer) < end + int(length[1]):
            return
        answer, self._buffer = self._buffer, b""
        assert self._answer is not None
        assert self._transport is not None
        if CLOSES.search(answer, 0, end):
            self._transport.close()
        if answer.startswith(b"HTTP/1.1 200 "):
            self._answer.set_result(answer[end:])
        else:
            self._answer.set_exception(Failed(answer[end:].decode().strip()))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or Failed("closed without an answer"))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def processed(addresses: list[str]) -> Counter[str]:
    """How often these backends have done each request, as they tell themselves."""
    total: Counter[str] = Counter()
    for address in addresses:
        host, _, port = address.rpartition(":")
        connection = Connection((host, int(port)))
        total.update(json.loads(await connection.ask("GET", "/processed")))
        connection.close()
    return total
