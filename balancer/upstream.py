"""Connections to backends: leased for one exchange, then kept, and leased again last in, first out."""

import asyncio
import select
from typing import TYPE_CHECKING, cast

from balancer.http1 import Response
from balancer.pool import Backend
from balancer.state import Balancer
from balancer.trouble import backend_lost

if TYPE_CHECKING:
    from balancer.proxy import Exchange

SURELY_OPEN = 1.0
"""Seconds at rest after which a backend may be about to close; a request that must not be sent twice goes elsewhere."""


async def connect(balancer: Balancer, backend: Backend) -> "Upstream":
    """Raises OSError or TimeoutError."""
    upstream = Upstream(balancer, backend)
    try:
        async with asyncio.timeout(balancer.config.connect_timeout):
            await asyncio.get_running_loop().create_connection(lambda: upstream, backend.host, backend.port)
    except BaseException:
        balancer.upstreams.discard(upstream)  # uvloop closes it, but does not tell it so
        raise
    return upstream


class Upstream(asyncio.Protocol):
    """One connection to a backend. It only carries: what arrives is the exchange's to judge."""

    transport: asyncio.Transport

    def __init__(self, balancer: Balancer, backend: Backend) -> None:
        self.balancer = balancer
        self.backend = backend
        self.exchange: Exchange | None = None
        self.seen: Response | None = None
        """The last plain head received: backends repeat themselves, and what was proven once need not be again."""
        self.reused = False
        self.rested = 0.0
        self.deadline = 0.0
        self._paused = False
        self._poll: select.poll | None = None

    def __repr__(self) -> str:
        return f"Upstream({self.backend.name}, {'at work' if self.exchange else 'at rest'})"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self.write = self.transport.write
        self.balancer.upstreams.add(self)

    def data_received(self, data: bytes) -> None:
        if self.exchange is not None:
            self.exchange.received(data)
        else:
            self.close()  # an answer to nothing: the next request must not get it

    def eof_received(self) -> bool:
        if self.exchange is None:
            self.close()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.balancer.upstreams.discard(self)
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            backend_lost(exchange, clean=error is None)
        elif self in self.backend.idle:
            self.backend.idle.remove(self)

    def rest(self) -> None:
        """The exchange is over, and the connection in a state that both sides agree on."""
        self.exchange = None
        self.reused = True
        balancer, backend = self.balancer, self.backend
        if self._paused:
            self.read_on()
        if backend.removed or not backend.healthy or balancer.stopping or self.transport.is_closing():
            self.transport.close()
            return
        self.rested = balancer.now
        self.deadline = balancer.now + balancer.config.backend_idle_timeout
        backend.idle.append(self)
        if len(backend.idle) > balancer.config.max_idle:
            backend.idle[0].close()

    def close(self) -> None:
        """Let go of a connection that is at rest."""
        if self in self.backend.idle:
            self.backend.idle.remove(self)
        self.transport.close()

    def give_up(self) -> None:
        """The exchange ends in the middle: nothing that still comes may be taken for something else."""
        self.exchange = None
        self.transport.abort()

    def surely_open(self) -> bool:
        """Whether the backend has not closed it, as far as the system knows, nor had the time to get tired of it."""
        if self.balancer.now - self.rested > SURELY_OPEN:
            return False
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN | select.POLLHUP)
        return not self._poll.poll(0)

    # Back-pressure: whoever reads slowly slows the other side's writing

    def pause(self) -> None:
        if not self._paused and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def read_on(self) -> None:
        if self._paused:
            self._paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def pause_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.client.hold()

    def resume_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.client.go_on()
