"""The client's side of a connection: finds the requests in what arrives, one after the other."""

import asyncio
from typing import TYPE_CHECKING, cast

from balancer.http1 import MAX_HEAD, Head, Refused, parse_request

if TYPE_CHECKING:
    from balancer.proxy import Exchange, Proxy


class Front(asyncio.Protocol):
    """One client connection. At most one exchange at a time; pipelined requests wait in the buffer, in order."""

    transport: asyncio.Transport

    def __init__(self, proxy: "Proxy") -> None:
        self.proxy = proxy
        self.exchange: Exchange | None = None
        self.buffer = b""
        self.active = proxy.now
        self.client = ""
        self.forwarded = b""
        """The lines that tell the backend whose request it is."""
        self._held = False
        self._last_raw = b""
        self._last_head: Head

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        peer = transport.get_extra_info("peername")
        self.client = peer[0] if peer else "unknown"
        self.forwarded = b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: http\r\nVia: 1.1 session-lab\r\n" % self.client.encode()
        self.proxy.front_came(self)

    def data_received(self, data: bytes) -> None:
        self.active = self.proxy.now
        exchange = self.exchange
        if exchange is None:
            self.buffer = self.buffer + data if self.buffer else data
            self.read_request()
        elif exchange.body_done and not exchange.tunnel:
            self.buffer += data
            if len(self.buffer) > MAX_HEAD:
                self.hold()  # a client that pipelines more than we want to keep
        else:
            self.body(exchange, data)

    def read_request(self) -> None:
        """Start the next exchange, if the buffer holds a whole head."""
        data = self.buffer
        while data.startswith(b"\r\n"):
            data = data[2:]  # RFC 9112 section 2.2: empty lines before a request are ignored
        end = data.find(b"\r\n\r\n") + 4
        if end < 4 or end > MAX_HEAD:
            self.buffer = data
            if len(data) > MAX_HEAD:
                self.refuse(Refused(431, "request head too long"))
            return
        raw = data[:end]
        if raw == self._last_raw:  # clients repeat themselves: what was proven once need not be proven again
            head = self._last_head
        else:
            try:
                head = parse_request(raw)
            except Refused as refused:
                self.refuse(refused)
                return
            self._last_raw, self._last_head = raw, head
        self.buffer = b""
        exchange = self.exchange = self.proxy.begin(self, head)
        if not exchange.body_done:
            self.body(exchange, data[end:])
        else:
            self.buffer = data[end:]
        exchange.start()

    def body(self, exchange: "Exchange", data: bytes) -> None:
        try:
            self.buffer += exchange.request_body(data)
        except Refused as refused:
            exchange.client_broke()
            self.refuse(refused)

    def refuse(self, refused: Refused) -> None:
        """Say what was wrong, and close: nothing that follows can be trusted."""
        self.proxy.refused += 1
        self.buffer = b""
        if not self.transport.is_closing():
            self.transport.write(plain(refused.status, str(refused), close=True))
            self.transport.close()

    def hold(self) -> None:
        if not self._held:
            self._held = True
            self.transport.pause_reading()

    def go_on(self) -> None:
        if self._held:
            self._held = False
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        if self.exchange and self.exchange.upstream:
            self.exchange.upstream.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.exchange and self.exchange.upstream:
            self.exchange.upstream.transport.resume_reading()

    def eof_received(self) -> bool:
        return self.exchange is not None  # a client may close its half after the request

    def connection_lost(self, error: Exception | None) -> None:
        self.proxy.front_went(self)
        if self.exchange is not None:
            self.exchange.client_broke()


REASONS = {
    400: "Bad Request", 405: "Method Not Allowed", 408: "Request Timeout", 431: "Request Header Fields Too Large",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip


def plain(status: int, why: str, close: bool) -> bytes:
    """An answer of the balancer's own."""
    body = f"{status} {REASONS[status]}: {why}\n".encode()
    lines = [f"HTTP/1.1 {status} {REASONS[status]}", "Content-Type: text/plain", f"Content-Length: {len(body)}"]
    if status == 503:
        lines.append("Retry-After: 1")
    if close:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
