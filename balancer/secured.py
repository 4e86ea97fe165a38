"""TLS over any transport of asyncio's kind, by ssl.MemoryBIO: bytes in, bytes out, and no loop has to know.

The event loops have TLS transports of their own. They differ from TCP where it matters here: they close only when the
other side has agreed, cannot end one direction alone, do not tell a cut connection from an ended one, hide what is
unsent, and keep large buffers. This one behaves as TCP does: `write_eof` says close_notify and leaves the other side
time to read (RFC 8446 section 6.1), a client that has said it still gets its answer, and an end without it is an error.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

RECORD = 16 * 1024
"""Bytes that one record holds at most (RFC 8446 section 5.1). A BIO keeps the room it once had, so it gets no more."""


def _pieces(data: "bytes | bytearray | memoryview[Any]") -> "Sequence[bytes | bytearray | memoryview[Any]]":
    """What fits into a record each; nothing is one piece, too."""
    return [data] if len(data) <= RECORD else [data[at : at + RECORD] for at in range(0, len(data), RECORD)]


class Secured(asyncio.Transport, asyncio.Protocol):
    """A protocol to the transport below, a transport to the protocol above.

    `over` is called once, when the handshake is: with None, and then the protocol above is connected; or with what went
    wrong, and the protocol above never hears of this connection. `name`: the server's, if this is a client.
    """

    def __init__(
        self,
        protocol: asyncio.Protocol,
        context: ssl.SSLContext,
        over: Callable[[Exception | None], None],
        name: str | None = None,
    ) -> None:
        super().__init__()
        self._protocol = protocol
        self._over: Callable[[Exception | None], None] | None = over
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=name is None, server_hostname=name)
        self._problem: Exception | None = None
        self._closing = self._said_bye = self._heard_bye = self._open = False

    # Below: what the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._tcp = cast(asyncio.Transport, transport)
        self.pause_reading = self._tcp.pause_reading  # type: ignore[method-assign]
        self.resume_reading = self._tcp.resume_reading  # type: ignore[method-assign]
        self.get_write_buffer_size = self._tcp.get_write_buffer_size  # type: ignore[method-assign]
        if not self._tls.server_side:
            self._shake_hands()

    def data_received(self, data: bytes) -> None:
        if self._said_bye or self._heard_bye or self._problem is not None:
            return  # whoever has ended here wants to hear no more
        if self._over is not None:
            self._in.write(data)
            self._shake_hands()
            data = b""
        if self._over is None and self._problem is None:
            self._read(data)

    def eof_received(self) -> bool:
        if not self._heard_bye:
            self._fail(ssl.SSLEOFError("it ended without close_notify: something may be missing"))
        return not self._closing

    def connection_lost(self, error: Exception | None) -> None:
        self._closing = True
        if self._over is not None:
            self._fail(error or ConnectionResetError("it ended during the TLS handshake"))
        elif self._open:
            self._open = False
            self._protocol.connection_lost(self._problem or error)
        del self._protocol  # so that both go at once, without the garbage collector

    def pause_writing(self) -> None:
        if self._open:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        if self._open:
            self._protocol.resume_writing()

    # TLS

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except OSError as problem:  # ssl.SSLError is one
            self._fail(problem)
            return
        self._flush()
        over, self._over = self._over, None
        assert over is not None
        over(None)
        self._open = True
        self._protocol.connection_made(self)

    def _read(self, data: bytes) -> None:
        parts: list[bytes] = []
        try:
            for piece in _pieces(data):
                self._in.write(piece)
                self._decrypt(parts)
        except OSError as problem:
            self._fail(problem)
            return
        self._flush()
        if parts:
            self._protocol.data_received(parts[0] if len(parts) == 1 else b"".join(parts))
        if self._heard_bye and not self._closing and not self._protocol.eof_received():
            self.close()

    def _decrypt(self, parts: list[bytes]) -> None:
        """Add what is in the records that are whole."""
        with suppress(ssl.SSLWantReadError):
            while self._in.pending and not self._heard_bye:  # to ask once too often would cost an exception
                part = self._tls.read(RECORD)
                if part:
                    parts.append(part)
                else:
                    self._heard_bye = True  # an empty part is close_notify

    def _flush(self) -> None:
        if self._out.pending:
            self._tcp.write(self._out.read())

    def _fail(self, problem: Exception) -> None:
        """The connection is of no use any more. The other side gets OpenSSL's alert, if there is one."""
        if self._problem is None:
            self._problem = problem
            self._closing = True
            self._flush()
            self._tcp.close()
        over, self._over = self._over, None
        if over is not None:
            over(problem)

    # Above: what the protocol asks for

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        if self._said_bye or self._problem is not None:
            return
        parts: list[bytes] = []
        try:
            for piece in _pieces(data):
                if piece:
                    self._tls.write(piece)
                    parts.append(self._out.read())
        except OSError as problem:
            self._fail(problem)
            return
        self._tcp.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def can_write_eof(self) -> bool:
        return self._tcp.can_write_eof()

    def write_eof(self) -> None:
        self._say_bye()
        self._tcp.write_eof()

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._say_bye()
        self._tcp.close()

    def abort(self) -> None:
        self._closing = True
        self._tcp.abort()

    def _say_bye(self) -> None:
        if not self._said_bye and self._problem is None:
            self._said_bye = True
            with suppress(OSError):  # it wants to hear the other side's, too; or there is nobody to say it to
                self._tls.unwrap()
            self._flush()

    def is_closing(self) -> bool:
        return self._closing or self._tcp.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The usual names: "ssl_object" and "sslcontext", and those of the transport below."""
        if name == "ssl_object":
            return self._tls
        return self._tls.context if name == "sslcontext" else self._tcp.get_extra_info(name, default)
