"""The balancer in memory: its real protocols between two transports that only keep what is written to them.

No socket and no waiting, so that hundreds of thousands of conversations are played in a minute, the same way each time.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

from balancer.front import Client
from balancer.pool import Backend
from balancer.settings.config import BalancerConfig
from balancer.state import Balancer

LOCAL = (b"127.0.0.1", 80)


class End(asyncio.Transport):
    """Our end of a connection."""

    def __init__(self, protocol: asyncio.Protocol, sock: socket.socket | None = None) -> None:
        super().__init__()
        self.protocol = protocol
        self.sock = sock
        self.written: list[bytes] = []
        self.answered = 0
        """Bytes written that the other side has dealt with."""
        self.over = self.aborted = self.told = self.half_closed = False
        protocol.connection_made(self)

    def write(self, data: Any) -> None:
        assert type(data) is bytes
        assert not self.half_closed, "written after the end"
        if not self.over:
            self.written.append(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 9), "sockname": (LOCAL[0].decode(), LOCAL[1]), "socket": self.sock}.get(
            name, default
        )

    def is_closing(self) -> bool:
        return self.over

    def close(self) -> None:
        self.over = True

    def abort(self) -> None:
        self.over = self.aborted = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.half_closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0


class MemoryLoop(asyncio.SelectorEventLoop):
    """Connections that the balancer opens lead to `backends`, a list of our ends of them."""

    def __init__(self) -> None:
        super().__init__()
        self.backends: list[End] = []
        self.problems: list[str] = []
        """Exceptions in tasks and callbacks, which nobody else would see."""
        self.pair = socket.socketpair()  # the balancer asks the system whether a connection at rest is still open

    async def create_connection(self, factory: Any, *_: Any, **__: Any) -> Any:  # type: ignore[override]
        end = End(factory(), self.pair[0])
        self.backends.append(end)
        return end, end.protocol

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.problems.append(f"{context['message']}: {context.get('exception')!r}")

    def close(self) -> None:
        super().close()
        for sock in self.pair:
            sock.close()
        assert not self.problems, self.problems


Reply = Callable[[bytes], list[bytes] | None]
"""What a backend sends, piece by piece, when this is what it has got since its last answer; None: nothing yet. An empty
piece ends the connection."""


@dataclass
class Talk:
    """One client's connection, as both its ends saw it."""

    forwarded: list[bytes]
    """What each connection to the backend got."""
    answers: bytes
    closed: bool
    """The balancer has ended the client's connection."""
    aborted: bool
    counted: int
    """Requests that the balancer counts, its own answers included."""


@dataclass
class Memory:
    """A balancer, and a backend that speaks `reply`. Use it within a MemoryLoop."""

    reply: Reply
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        config = BalancerConfig(listen="127.0.0.1:0", **{"fall": 1_000_000_000, "max_idle": 2, **self.options})
        self.loop = cast(MemoryLoop, asyncio.get_running_loop())
        self.balancer = Balancer(config, Random(1), b"secret", lambda: 1000.0)
        self.balancer.pool.add(Backend("a", "memory", 1))
        self.balancer.sweep()
        self.ended: list[End] = []

    async def talk(self, pieces: list[bytes], hasty: bool = False) -> Talk:
        """A client connects, sends these pieces one by one, and stays. What it leaves is cleared away.

        `hasty`: it sends all of them before a connection to a backend is made, or an answer has come.
        """
        before = self.counted()
        for end in self.loop.backends:
            end.written, end.answered = [], 0
        self.ended.clear()
        client = End(Client(self.balancer), self.loop.pair[0])
        for piece in pieces:
            if client.over:
                break
            client.protocol.data_received(piece)
            if not hasty:
                await self.settle()
        await self.settle()
        closed = client.over or client.half_closed
        counted = self.counted() - before
        forwarded = [b"".join(end.written) for end in self.ended + self.loop.backends if end.written]
        if not client.told:
            client.told = True
            client.protocol.connection_lost(None)
        await self.settle()
        return Talk(forwarded, b"".join(client.written), closed, client.aborted, counted)

    def counted(self) -> int:
        return int(self.balancer.pool.totals().requests)

    async def settle(self) -> None:
        """Play the backend's part until nothing moves any more."""
        backends, balancer = self.loop.backends, self.balancer
        moving = True
        while moving:
            moving = False
            while balancer.tasks:  # noqa: ASYNC110 - tasks that only connect in memory: they end in a few turns
                await asyncio.sleep(0)
            for end in list(backends):
                if end.over:
                    end.protocol.connection_lost(None)
                    backends.remove(end)
                    self.ended.append(end)
                    moving = True
                elif len(end.written) > end.answered:
                    answer = self.reply(b"".join(end.written[end.answered :]))
                    if answer is not None:
                        end.answered = len(end.written)
                        self.deliver(end, answer)
                        moving = True

    def deliver(self, end: End, answer: list[bytes]) -> None:
        for piece in answer:
            if end.over:
                break  # the balancer has seen enough
            if piece:
                end.protocol.data_received(piece)
            else:
                end.protocol.eof_received()
                end.over = True
