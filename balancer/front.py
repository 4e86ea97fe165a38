"""The client's side: finds the requests in what arrives, and serves them one after the other, in order."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from balancer import trouble
from balancer.answers import own_answer
from balancer.bodies import all_chunks, body_of
from balancer.heads import Heads
from balancer.http1 import CHUNKED, MAX_HEAD, Refused, Request
from balancer.networks import host_port, is_within, parse_address
from balancer.proxy import Exchange
from balancer.state import Balancer
from balancer.unfinished import refuse_hopeless, too_large
from balancer.wire import unacknowledged

MAX_AHEAD = 64 * 1024
"""Bytes of pipelined requests kept while one is running; then reading stops."""
MOST_TURNED_AWAY = 64
"""Clients beyond the limit that are answered at a time."""
TOO_MANY = "too many connections"
LINGER = 2.0
"""Seconds in which a client may read our last words while it still sends (RFC 9112 section 9.6)."""

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds


class Client(asyncio.Protocol):
    """One client connection."""

    transport: asyncio.Transport
    write: Callable[[bytes], None]

    def __init__(self, balancer: Balancer, address: str = "") -> None:
        """`address`: the client's, where it is not the one the connection comes from (PROXY protocol)."""
        self.balancer = balancer
        self.exchange: Exchange | None = None
        self.deadline = balancer.within(balancer.config.idle_timeout)
        self.address = address
        self.sent = 0
        """Bytes written since the last line of the access log, if there is one."""
        self._buffer = b""
        self._unread = 0
        """Bytes of answers that the client's system had not received when that was looked at last."""
        self._looked_at = 0
        """Bytes of the buffer that are known to hold no end of a head."""
        self.stuffed = False
        """The client reads more slowly than the backend answers."""
        self._reading = self._held = self._half_closed = self._closing = self._lingering = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.write = self.transport.write
        if self.balancer.log is not None:
            self.write = self.balancer.log.counted(self)
        if not self.address:
            peer = transport.get_extra_info("peername")
            self.address = peer[0] if peer else "unknown"
        scheme = "http" if transport.get_extra_info("sslcontext") is None else "https"
        trusted = self.balancer.trusted_forwarders
        if trusted and not is_within(parse_address(self.address), trusted):
            trusted = ()
        self.heads = Heads(self.address, scheme, trusted, self.balancer.heads)
        self.balancer.clients.add(self)
        if len(self.balancer.clients) > self.balancer.most_clients:
            self._turn_away()

    def data_received(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None:
            if not (self._buffer or self._closing or self.stuffed):
                request = self.heads.seen
                if request is None or not data.startswith(request.raw):
                    request = self.heads.plain(data)
                if request is not None and (
                    len(data) == request.whole or (request.length == CHUNKED and all_chunks(data, len(request.raw)))
                ):  # nothing is missing and nothing follows
                    first = data[len(request.raw) :] if request.length else b""
                    self.exchange = exchange = Exchange(self.balancer, self, request, first, None)
                    exchange.begin()
                    return
            self._buffer = b"" if self._lingering else self._buffer + data
            self.read()
        elif exchange.tunnel or exchange.upload is not None:
            rest = exchange.upload_part(data)
            if rest:
                self._buffer += rest
                self.read()
        else:
            self._buffer += data
            if len(self._buffer) > MAX_AHEAD:
                self.hold()

    def read(self) -> None:
        """Serve what the buffer holds, until an exchange is under way or more has to arrive."""
        if self._reading:
            return  # an exchange that ended at once: the loop below goes on
        self._reading = True
        try:
            while self._buffer and self.exchange is None and not self._closing and not self.stuffed:
                request = self.next_head(self._buffer)
                if request is None:
                    break
                self._looked_at = 0
                first, rest, upload = b"", self._buffer[len(request.raw) :], body_of(request.length)
                if upload is not None:
                    first, rest = upload.feed(rest)
                self._buffer = rest
                done = upload is None or upload.done
                if self._half_closed and not done:
                    break  # the rest of this request will never come
                self.exchange = Exchange(self.balancer, self, request, first, None if done else upload)
                self.exchange.begin()
        except Refused as refused:
            self.refuse(refused)
        finally:
            self._reading = False
        if self.exchange is None and not self._closing:
            if self.stuffed and len(self._buffer) > MAX_AHEAD:
                self.hold()
            else:
                self.go_on()
            if self._half_closed and not self.stuffed:
                self.close()  # the rest of a request will never come

    def next_head(self, data: bytes) -> Request | None:
        """The next request, proven the quick way or the strict one; None: it is not whole yet. Raises Refused."""
        request = None if self._looked_at else self.heads.plain(data)
        if request is None:
            data = data.removeprefix(b"\r\n")  # RFC 9112 section 2.2: one empty line before a request is ignored
            end = data.find(b"\r\n\r\n", max(0, self._looked_at - 3)) + 4
            if end < 4 or end > MAX_HEAD:
                if len(data) > MAX_HEAD:
                    raise too_large(data)
                refuse_hopeless(data, self._looked_at)
                if not self._looked_at:
                    self.deadline = self.balancer.within(self.balancer.config.head_timeout)
                self._looked_at = len(data)
                return None
            request = self.heads.strict(data[:end], self._local)
            self._buffer = data
        return request

    def _local(self) -> str:
        host, port = self.transport.get_extra_info("sockname")[:2]
        return host_port(host, port)

    def take_buffer(self) -> bytes:
        taken, self._buffer = self._buffer, b""
        return taken

    def finished(self, close: bool, linger: bool) -> None:
        """The exchange is over."""
        self.exchange = None
        self.deadline = self.balancer.idle_until
        if close:
            self.close(linger)
        elif self._buffer or self._half_closed or self._held:
            self.read()

    def refuse(self, refused: Refused) -> None:
        """Say what is wrong, and close: nothing that follows can be trusted."""
        self.balancer.pool.own.answered(refused.status)
        head_only = self._buffer.removeprefix(b"\r\n").startswith(b"HEAD ")
        date = self.balancer.dates.line()
        self.write(own_answer(refused.status, str(refused), date, close=True, head_only=head_only))
        if self.balancer.log is not None:
            self.balancer.log.refused(self, refused)
        self.close(linger=True)

    def close(self, linger: bool = False) -> None:
        """Close once everything is written. `linger`: the client may be sending still, and a reset would cost it our
        answer, so what it sends is read and thrown away for a while."""
        if self._closing:
            return
        self._closing = True
        if (linger or self._buffer) and not self._half_closed and self.transport.can_write_eof():
            self._lingering = True
            self.deadline = self.balancer.within(LINGER)
            self.go_on()
            with suppress(OSError):  # asyncio's transports say at once that the client is gone
                self.transport.write_eof()
        else:
            self.transport.close()
        self._buffer = b""

    def _turn_away(self) -> None:
        """One client too many. So many are told so; more would use up the descriptors while they read that."""
        self.balancer.turned_away[TOO_MANY] += 1
        if len(self.balancer.clients) > self.balancer.most_clients + MOST_TURNED_AWAY:
            self.abort()
        else:
            self.refuse(Refused(503, TOO_MANY))

    @property
    def at_rest(self) -> bool:
        return self.exchange is None and not self._buffer

    def abort(self) -> None:
        """End in the middle of an answer, with a reset: an orderly close could be taken for the answer's end."""
        self._closing = True
        if not self.transport.is_closing() or self.transport.get_write_buffer_size():
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.transport.abort()

    def expire(self) -> None:
        """The deadline has passed (Balancer.sweep)."""
        unsent = self.transport.get_write_buffer_size()
        if unsent and unacknowledged(self.transport) != self._unread:
            self._await_reader()  # a slow one, but it does read
        elif self._lingering and not unsent:
            self.transport.close()  # the system still has what the client has not read yet, and goes on sending it
        elif self._closing or unsent:
            self.abort()
        elif self.exchange is not None:
            trouble.expire(self.exchange)
        elif self._buffer.strip(b"\r\n"):
            self.refuse(Refused(408, "the request's head took too long"))
        else:
            self.close()

    def eof_received(self) -> bool:
        """A client may close its half after its last request, and still wants the answer."""
        self._half_closed = True
        if self.exchange is None or self._closing:
            return False
        return trouble.client_half_closed(self.exchange)

    def connection_lost(self, error: Exception | None) -> None:
        self.balancer.client_left(self)
        self._closing = True
        self._buffer = b""
        if self.exchange is not None:
            trouble.client_gone(self.exchange)
        self.write = self.transport.write  # no closure of the log's, which would keep us for the garbage collector

    # Back-pressure

    def hold(self) -> None:
        if not self._held and not self._closing:
            self._held = True
            self.transport.pause_reading()

    def go_on(self) -> None:
        if self._held:
            self._held = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def pause_writing(self) -> None:
        self.stuffed = True
        if self.exchange is None or not self.exchange.tunnel:
            self._await_reader()
        if self.exchange is not None and self.exchange.upstream is not None:
            self.exchange.upstream.pause()

    def _await_reader(self) -> None:
        self._unread = unacknowledged(self.transport)
        self.deadline = self.balancer.within(self.balancer.config.idle_timeout)

    def resume_writing(self) -> None:
        self.stuffed = False
        if self.exchange is None:
            self.read()
        elif self.exchange.upstream is not None:
            self.exchange.upstream.read_on()
            if not self.exchange.tunnel:
                self.deadline = self.balancer.within(self.balancer.config.response_timeout)
