"""Connections to the backends: leased for one exchange, kept open, and used again last in, first out."""

import asyncio
from typing import TYPE_CHECKING, cast

from balancer.http1 import CHUNKED, MAX_HEAD, UNTIL_CLOSE, ChunkedBody, Head, Refused, parse_response
from balancer.pool import Backend

if TYPE_CHECKING:
    from balancer.proxy import Exchange, Proxy


class Upstream(asyncio.Protocol):
    """One connection to a backend. Frames its answers; the exchange decides what becomes of them."""

    transport: asyncio.Transport

    def __init__(self, proxy: "Proxy", backend: Backend) -> None:
        self.proxy = proxy
        self.backend = backend
        self.exchange: Exchange | None = None
        self.used = False
        """Has carried an exchange before: it may turn out to have been closed meanwhile."""
        self.idle_since = 0.0
        self.lost = False
        self._buffer = b""
        self._head: Head | None = None
        self._left = 0
        self._chunks: ChunkedBody | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name

    def begin(self, exchange: "Exchange") -> None:
        self.exchange = exchange
        self._head = None
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None:
            self.transport.abort()  # an answer to nothing
            return
        try:
            if exchange.tunnel:
                exchange.answer(data)
            elif self._head is None:
                self._read_head(exchange, self._buffer + data if self._buffer else data)
            else:
                self._read_body(exchange, data, b"")
        except Refused as refused:
            self.transport.abort()
            exchange.backend_failed(f"bad answer: {refused}", replay=False)

    def _read_head(self, exchange: "Exchange", data: bytes) -> None:
        while True:
            end = data.find(b"\r\n\r\n") + 4
            if end < 4 or end > MAX_HEAD:
                if len(data) > MAX_HEAD:
                    raise Refused(502, "head too long")
                self._buffer = data
                return
            head = parse_response(data[:end], exchange.head.method)
            data = data[end:]
            if head.status >= 200 or head.status == 101:
                break
            exchange.interim(head)
            if not data:
                self._buffer = b""
                return
        self._head = head
        self._left = head.length
        self._chunks = ChunkedBody() if head.length == CHUNKED else None
        rewritten = exchange.answer_begins(head)
        if exchange.tunnel:
            exchange.answer(rewritten + data)
        else:
            self._read_body(exchange, data, rewritten)

    def _read_body(self, exchange: "Exchange", data: bytes, before: bytes) -> None:
        """Pass on what belongs to this answer, `before` (its head) in the same write; notice where it ends."""
        if self._chunks is not None:
            taken = self._chunks.feed(data)
            done = self._chunks.done
        elif self._left == UNTIL_CLOSE:
            taken, done = len(data), False
        else:
            taken = min(self._left, len(data))
            self._left -= taken
            done = self._left == 0
        if before or taken:
            exchange.answer(before + data[:taken] if before else data if taken == len(data) else data[:taken])
        if done:
            self._end(exchange, clean=taken == len(data))

    def _end(self, exchange: "Exchange", clean: bool) -> None:
        head, self.exchange = self._head, None
        assert head is not None
        if clean and head.keep_alive and exchange.body_done and not self.lost and not exchange.head.http10:
            self.used = True
            self.proxy.give_back(self)
        else:
            self.transport.close()
        exchange.answer_ends()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self.proxy.upstream_gone(self)
        exchange, self.exchange = self.exchange, None
        if exchange is None:
            return
        if exchange.tunnel or (self._head is not None and self._left == UNTIL_CLOSE and error is None):
            exchange.answer_ends()
        else:
            exchange.backend_failed("connection lost", replay=self._head is None and not self._buffer)

    def pause_writing(self) -> None:
        if self.exchange:
            self.exchange.front.hold()

    def resume_writing(self) -> None:
        if self.exchange:
            self.exchange.front.go_on()
