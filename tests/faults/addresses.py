"""A resolver that answers as the test says, and servers at several of loopback's addresses."""

import asyncio
import socket
from collections.abc import Sequence

from tests.balancer.rig import Server


class Book:
    """A resolver: what the names stand for, and what it was asked."""

    def __init__(self, **names: Sequence[str]) -> None:
        self.names = {name.replace("_", "."): list(addresses) for name, addresses in names.items()}
        self.asked: list[str] = []
        self.away = False
        self.silent = asyncio.Event()
        self.silent.set()

    async def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        await self.silent.wait()
        if self.away or name not in self.names:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return self.names[name]


class At(Server):
    """A server at one of loopback's addresses."""

    def __init__(self, address: str, port: int = 0) -> None:
        super().__init__(name=address)
        self.host = address
        self.port = port

    async def open(self) -> "At":
        self._listening = await asyncio.start_server(self._greet, self.host, self.port)
        self.port = self._listening.sockets[0].getsockname()[1]
        return self
