"""Where a body ends (RFC 9112 sections 6 and 7). Pure: `feed` says what to pass on and what comes after the body."""

import re
from typing import Protocol

from balancer.http1 import CHUNKED, MAX_FIELDS, TEXT, TOKEN, UNTIL_CLOSE, Refused

MAX_LINE = 4096
"""Bytes of a chunk's size line with its extensions."""
MAX_TRAILERS = 8192

SIZE, DATA, END, TRAILERS = "size", "data", "end", "trailers"
_HEX = b"0123456789abcdefABCDEF"
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})((?:[ \t]*;" + TEXT + rb"*)?)\r\n")
_TRAILER = re.compile(rb"(" + TOKEN + rb"+):" + TEXT + rb"*\r\n")
# A trailer that is one of these would be read as if it had come with the head (RFC 9110 section 6.5.1).
_NO_TRAILER = re.compile(
    rb"(?i)(?:content-length|content-encoding|content-type|content-range|transfer-encoding|trailer|host|connection|cookie|"
    rb"set-cookie|authorization|keep-alive|te|upgrade|expect|via|forwarded|x-forwarded-.*|x-real-ip|proxy-.*|session-.*|"
    rb"served-by|location|cache-control|www-authenticate)"
)


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
    """A chunked body. It goes on as it came, except for chunk extensions and unsafe trailers, which end here.

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
                if match is None:
                    _may_still_come(data, at, MAX_LINE, "malformed chunk size")
                    break
                at = match.end()
                self._left = int(match[1], 16)
                if not self._left and data.startswith(b"\r\n", at) and not match[2] and not self._decode:
                    at += 2
                    self.done = True
                    break
                self._state = DATA if self._left else TRAILERS
                if self._decode or match[2] or not self._left:
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
        if _NO_TRAILER.fullmatch(match[1].replace(b"_", b"-")) is None:
            self._trailers.append(line)
        if sum(map(len, self._trailers)) > MAX_TRAILERS or len(self._trailers) > MAX_FIELDS:
            raise Refused(431, "too many trailers")


def _may_still_come(data: bytes, at: int, most: int, why: str) -> None:
    """An incomplete line is waited for; a wrong or endless one is refused."""
    if len(data) - at >= most or b"\n" in data[at:] or (most == MAX_LINE and data[at] not in _HEX):
        raise Refused(400, why)
