"""Connections to backends: leased for one exchange, then kept, and leased again last in, first out."""

import asyncio
import re
import select
from typing import TYPE_CHECKING, cast

from balancer.http1 import Response
from balancer.names import try_each
from balancer.plane import dial
from balancer.pool import Backend
from balancer.processes.descriptors import scarce
from balancer.secured import Secured
from balancer.state import Balancer
from balancer.trouble import backend_lost
from balancer.wire import unacknowledged

if TYPE_CHECKING:
    from balancer.proxy import Exchange

_ANNOUNCED = re.compile(rb"(?i)\r\nkeep-alive:[^\r]*\btimeout[ \t]*=[ \t]*\"?([0-9]{1,6})")


class NoRoom(Exception):
    """No descriptor is left for one more connection: the backend is not to blame."""


async def connect(balancer: Balancer, backend: Backend) -> "Upstream":
    """Raises OSError (TimeoutError is one) or NoRoom."""
    if not balancer.has_room():
        raise NoRoom
    balancer.connecting += 1
    try:
        upstream = await try_each(
            backend, balancer.config.connect_timeout, lambda address: _connected(balancer, backend, address)
        )
    except OSError as problem:
        if scarce(problem):
            raise NoRoom from None
        balancer.reached(backend, problem)
        raise
    finally:
        balancer.connecting -= 1
    balancer.reached(backend)
    return upstream


async def _connected(balancer: Balancer, backend: Backend, address: str) -> "Upstream":
    upstream, place = Upstream(balancer, backend, address), (backend.host, backend.port)
    if backend.tls:
        await _dial_tls(balancer, backend, upstream)
    else:
        await dial(address, backend.port, lambda: upstream)
    upstream.outdated = place != (backend.host, backend.port)
    if upstream.transport.is_closing():
        raise ConnectionResetError("it closed the connection at once")
    return upstream


async def _dial_tls(balancer: Balancer, backend: Backend, upstream: "Upstream") -> None:
    """Raises OSError, ssl.SSLError among them; its words say what is wrong with a certificate."""
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def told(problem: Exception | None) -> None:
        if over.done():
            return
        if problem is None:
            over.set_result(None)
        else:
            over.set_exception(problem)

    secured = Secured(upstream, balancer.backend_tls, told, backend.host)
    await dial(upstream.address, backend.port, lambda: secured)
    try:
        await over
    except BaseException:
        secured.abort()
        raise


class Upstream(asyncio.Protocol):
    """One connection to a backend. It only carries: what arrives is the exchange's to judge."""

    transport: asyncio.Transport

    def __init__(self, balancer: Balancer, backend: Backend, address: str) -> None:
        self.balancer = balancer
        self.backend = backend
        self.address = address
        self.outdated = False
        """Its address is the backend's no more (names.py, Control.readdress)."""
        self.exchange: Exchange | None = None
        self.seen: Response | None = None
        """The last plain head received: backends repeat themselves, and what was proven once need not be again."""
        self.reused = False
        self.rested = 0.0
        """Since when it rests: as of the sweep before that."""
        self.unheard = False
        """The backend ended without having got a byte of the request."""
        self._paused = False
        self._poll: select.poll | None = None

    def __repr__(self) -> str:
        return f"Upstream({self.backend.name}, {'at work' if self.exchange else 'at rest'})"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.write = self.transport.write
        self.balancer.upstreams.add(self)

    def data_received(self, data: bytes) -> None:
        exchange, seen = self.exchange, self.seen
        if exchange is None:
            self._ended_at_rest()  # an answer to nothing: the next request must not get it
        elif seen is not None and len(data) == seen.whole and exchange.usual and data.startswith(seen.raw):
            exchange.deliver_whole(seen, data)
        else:
            exchange.received(data)

    def eof_received(self) -> bool:
        exchange = self.exchange
        if exchange is None:
            self._ended_at_rest()
        elif exchange.answer is None:
            self.unheard = self._unacknowledged() == len(exchange.request.wire) + len(exchange.first)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.balancer.upstreams.discard(self)
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            backend_lost(exchange, clean=error is None)
        elif self in self.backend.idle:
            self._ended_at_rest()

    def rest(self) -> None:
        """The exchange is over, and the connection in a state that both sides agree on."""
        self.exchange = None
        if not self.reused:
            self._heed_announcement()
            self.reused = True
        balancer, backend = self.balancer, self.backend
        if self._paused:
            self.read_on()
        done = backend.removed or not backend.healthy or self.outdated or balancer.stopping
        if done or self.transport.is_closing():
            self.transport.close()
            return
        self.rested = balancer.now
        backend.idle.append(self)
        if len(backend.idle) > balancer.config.max_idle:
            self.close()  # not one that has rested longer: that one shows how long they are kept

    def close(self) -> None:
        """Let go of a connection that is at rest."""
        if self in self.backend.idle:
            self.backend.idle.remove(self)
        self.transport.close()

    def give_up(self) -> None:
        """The exchange ends in the middle: nothing that still comes may be taken for something else."""
        self.exchange = None
        self.transport.abort()

    # A backend may close a connection at rest, and do so just when we send a request (trust.py)

    def still_open(self) -> bool:
        """Whether the backend has neither closed it so far nor said something that nobody asked for, as far as the
        system knows: the next client would take that for an answer (RFC 9112 section 9.2)."""
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN | select.POLLHUP)
        return not self._poll.poll(0)

    def surely_kept(self) -> bool:
        """Whether a request that must not be sent twice may go here: the backend keeps it so long."""
        return self.balancer.clock() - self.rested < self.backend.trust.limit

    def _ended_at_rest(self) -> None:
        self.tell_trust()
        self.close()

    def tell_trust(self) -> None:
        """The backend has ended it, while at rest or just after."""
        now = self.balancer.clock()
        self.backend.trust.ended(now - self.rested, now)

    def _heed_announcement(self) -> None:
        announced = _ANNOUNCED.search(self.seen.raw) if self.seen is not None else None
        if announced is not None:
            self.backend.trust.announces(float(announced[1]))

    def _unacknowledged(self) -> int:
        """Bytes written that the backend's system has not received; -1: unknown (with TLS they are not the request's).

        When a backend ends, the FIN acknowledges all that had arrived by then. If it leaves out the whole request, the
        backend had closed before the first byte came: nobody has read it, nobody will (RFC 9112 section 9.6), and it
        may be sent again, whatever it asks for. A reset proves no such thing.
        """
        if self.transport.get_extra_info("sslcontext") is not None:
            return -1
        return unacknowledged(self.transport)

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
