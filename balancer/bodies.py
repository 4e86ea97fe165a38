"""Where a body ends (RFC 9112 sections 6 and 7). Pure: `feed` says what to pass on and what comes after the body."""

import re
from typing import Protocol

from balancer.fields import MAX_FIELDS, TEXT, TOKEN, Refused, plain
from balancer.http1 import CHUNKED, UNTIL_CLOSE

MAX_LINE = 4096
"""Bytes of a chunk's size line with its extensions."""
MAX_TRAILERS = 8192
MAX_PLAIN_SIZE = 5
"""Bytes of a plain chunk's size line."""

SIZE, DATA, END, TRAILERS = "size", "data", "end", "trailers"
_HEX = b"0123456789abcdefABCDEF"
_ZERO = ord("0")
_PLAIN_SIZES = {text: size for size in range(4096) for text in (b"%x" % size, b"%X" % size)}
"""Of chunks, as spelt: to look one up is cheaper than to read it."""
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})((?:[ \t]*;" + TEXT + rb"*)?)\r\n")
_TRAILER = re.compile(rb"(" + TOKEN + rb"+):" + TEXT + rb"*\r\n")
# Trailers that a server might read as if they had come with the head: framing and routing, conditions and controls,
# who is asking, how to read the content, and what stands in for the method or the path (RFC 9110 section 6.5.1).
_NO_TRAILER = re.compile(
    rb"transfer-encoding|trailer|host|connection|keep-alive|te|upgrade|http2-settings|max-forwards|via|forwarded|"
    rb"x-forwarded-.*|x-real-ip|proxy.*|expect|if-.*|range|accept.*|cache-control|pragma|authorization|www-authenticate|"
    rb"cookie|set-cookie|session-.*|served-by|lab-.*|content-(?!digest$).*|location|date|age|expires|vary|retry-after|"
    rb"x-http-method.*|x-method-override|x-original-.*|x-rewrite-.*"
)


def all_chunks(data: bytes, at: int) -> bool:
    """Whether from here on `data` is a whole chunked body and nothing else, fit to go on as it is.

    The short cut for small bodies, as quick.py is for heads: what is not as plain as can be gives False.
    """
    while True:
        end = data.find(b"\r\n", at, at + MAX_PLAIN_SIZE)
        size = _PLAIN_SIZES.get(data[at:end])
        if end < 0 or size is None or not data.startswith(b"\r\n", at := end + 2 + size):
            return False
        at += 2
        if not size:
            return at == len(data)


class Body(Protocol):
    done: bool

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """(what to pass on, what follows the body). Raises Refused."""


def body_of(length: int, decode: bool = False) -> Body | None:
    """The reader for a body of this length (a count, CHUNKED or UNTIL_CLOSE); None when there is no body."""
    if length == CHUNKED:
        return Chunked(decode)
    if length == UNTIL_CLOSE:
        return UntilClose()
    return Fixed(length) if length else None


class Fixed:
    """A known number of bytes."""

    __slots__ = ("done", "left")

    def __init__(self, length: int) -> None:
        self.left = length
        self.done = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        self.left -= len(data)
        if self.left > 0:
            return data, b""
        self.done = True
        if not self.left:
            return data, b""
        end, self.left = len(data) + self.left, 0
        return data[:end], data[end:]


class UntilClose:
    """Everything until the connection ends."""

    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        return data, b""


class Chunked:
    """A chunked body. It goes on as it came, except for chunk extensions, leading zeros of sizes, and unsafe trailers:
    these end here.

    `decode`: only the content goes on, for an HTTP/1.0 client.
    """

    __slots__ = ("_decode", "_held", "_left", "_state", "_trailers", "done")

    def __init__(self, decode: bool = False) -> None:
        self._decode = decode
        self._held = b""
        self._left = 0
        self._state = SIZE
        self._trailers: list[bytes] = []
        self.done = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        if self._held:
            data, self._held = self._held + data, b""
        out: list[bytes] = []
        at = copied = 0  # data[copied:at] is proven, and goes on unchanged
        while at < len(data):
            start = at
            if self._state is DATA:
                at += min(self._left, len(data) - at)
                self._left -= at - start
                if not self._left:
                    self._state = END
                continue
            if self._state is SIZE:
                match = _SIZE_LINE.match(data, at)
                if match is None or match.end() - at > MAX_LINE:
                    _may_still_come(data, at, MAX_LINE, "malformed chunk size")
                    break
                at = match.end()
                self._left = int(match[1], 16)
                if not self._left and data.startswith(b"\r\n", at) and match[0] == b"0\r\n" and not self._decode:
                    at += 2
                    self.done = True
                    break
                self._state = DATA if self._left else TRAILERS
                if self._decode or match[2] or not self._left or data[start] == _ZERO:
                    again = b"%x\r\n" % self._left if self._left and not self._decode else b""
                    out += (data[copied:start], again)
                    copied = at
                continue
            end = data.find(b"\n", at) + 1
            if not end:
                _may_still_come(data, at, 2 if self._state is END else MAX_TRAILERS, "no CRLF where one must be")
                break
            at = end
            if self._state is END:
                if data[start:at] != b"\r\n":
                    raise Refused(400, "no CRLF after a chunk")
                self._state = SIZE
                if self._decode:
                    out.append(data[copied:start])
                    copied = at
            else:
                copied = at
                if data[start:at] == b"\r\n":
                    self.done = True
                    if not self._decode:
                        out.append(b"".join((b"0\r\n", *self._trailers, b"\r\n")))
                    break
                self._trailer(data[start:at])
        out.append(data[copied:at])
        rest = data[at:]
        if not self.done:
            self._held, rest = rest, b""
        return b"".join(out) if len(out) > 1 else out[0], rest

    def _trailer(self, line: bytes) -> None:
        match = _TRAILER.fullmatch(line)
        if match is None:
            raise Refused(400, "malformed trailer")
        safe = _NO_TRAILER.fullmatch(plain(match[1])) is None
        self._trailers.append(line if safe else b"")
        if len(line) > MAX_TRAILERS or sum(map(len, self._trailers)) > MAX_TRAILERS or len(self._trailers) > MAX_FIELDS:
            raise Refused(431, "too many trailers")


def _may_still_come(data: bytes, at: int, most: int, why: str) -> None:
    """An incomplete line is waited for; a wrong or endless one is refused."""
    if len(data) - at >= most or b"\n" in data[at:] or (most == MAX_LINE and data[at] not in _HEX):
        raise Refused(431 if most == MAX_TRAILERS else 400, why)
