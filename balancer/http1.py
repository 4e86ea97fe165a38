"""HTTP/1.1 heads and body framing, strict (RFC 9112). Pure: bytes in, decisions out, no I/O.

Whatever two parsers could read in two ways is refused, never guessed: that is what request smuggling lives on.
"""

import re
from dataclasses import dataclass

MAX_HEAD = 32768
"""Bytes of a request's or response's head, its empty line included (431 or 502 beyond)."""
MAX_FIELDS = 100

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
# Possessive quantifiers (Python 3.11): a head that does not match fails in linear time.
_FIELDS = rb"((?:" + _TOKEN + rb"++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+)\r\n"
_REQUEST = re.compile(rb"(" + _TOKEN + rb"{1,32}+) ([\x21-\x7e]++) HTTP/1\.([01])\r\n" + _FIELDS)
_RESPONSE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*+)?\r\n" + _FIELDS)
_ABSOLUTE = re.compile(rb"http://([^/?#@]+)([/?].*)?", re.IGNORECASE)
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,12})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")

# Connection-specific fields (RFC 9110 section 7.6.1); `upgrade` and `te` are put back where they are wanted.
HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade", b"proxy-authenticate"}
)
# What only we may say about where a request came from.
FORGEABLE = frozenset({b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded", b"x-real-ip"})


class Refused(Exception):
    """A message that must not be passed on. `status` is for the client; the connection closes after it."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


CHUNKED = -1
UNTIL_CLOSE = -2


@dataclass(slots=True)
class Head:
    """One head. `lines` are the end-to-end field lines as they came, without CRLF; `length` a count of bytes,
    CHUNKED or UNTIL_CLOSE."""

    start: bytes
    fields: dict[bytes, bytes]
    lines: list[bytes]
    length: int
    keep_alive: bool
    upgrade: bytes
    method: bytes = b""
    target: bytes = b""
    status: int = 0
    http10: bool = False


def parse_request(data: bytes) -> Head:
    """The head in `data`, which ends with its empty line (RFC 9112 sections 3, 5, 6). Raises Refused."""
    match = _REQUEST.fullmatch(data)
    if match is None:
        raise Refused(400, "malformed request head")
    method, target, minor, block = match.groups()
    http10 = minor == b"0"
    fields, lines = _fields(block, FORGEABLE)
    if method == b"CONNECT":
        raise Refused(405, "CONNECT is not for a reverse proxy")
    if absolute := _ABSOLUTE.fullmatch(target):
        # RFC 9112 section 3.2.2: the target's authority replaces the Host field
        if fields.get(b"host", absolute[1]).lower() != absolute[1].lower():
            raise Refused(400, "absolute-form target and Host disagree")
        target = absolute[2] or b"/"
        target = target if target[:1] == b"/" else b"/" + target
    elif target[:1] != b"/" and not (target == b"*" and method == b"OPTIONS"):
        raise Refused(400, "request target in no known form")
    if b"#" in target:
        raise Refused(400, "a fragment in the request target")
    host = fields.get(b"host")
    if host is None:
        if not http10:
            raise Refused(400, "no Host field")  # RFC 9112 section 3.2
    elif host and _HOST.fullmatch(host) is None:
        raise Refused(400, "bad Host field")
    return Head(
        method + b" " + target + b" HTTP/1.1", fields, lines, _request_length(fields, http10), _persists(fields, http10),
        _upgrade(fields), method=method, target=target, http10=http10,
    )  # fmt: skip


def parse_response(data: bytes, method: bytes) -> Head:
    """The head of an answer to `method` (RFC 9112 sections 4 and 6.3). Raises Refused (502)."""
    match = _RESPONSE.fullmatch(data)
    if match is None:
        raise Refused(502, "malformed response head")
    minor, digits, block = match.groups()
    http10, status = minor == b"0", int(digits)
    try:
        fields, lines = _fields(block, frozenset())
        length = _response_length(fields, http10, status, method)
    except Refused as refused:
        raise Refused(502, str(refused)) from None
    start = b"HTTP/1.1" + data[8 : data.index(b"\r\n")]
    return Head(start, fields, lines, length, _persists(fields, http10), _upgrade(fields), status=status, http10=http10)


def _fields(block: bytes, drop: frozenset[bytes]) -> tuple[dict[bytes, bytes], list[bytes]]:
    """All fields by lower-case name, and the lines that go on to the other side."""
    fields: dict[bytes, bytes] = {}
    named: list[tuple[bytes, bytes]] = []
    for line in block.split(b"\r\n"):
        if not line:
            continue
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if name in fields:
            if name in _ONCE:
                raise Refused(400, f"{name.decode()} more than once")
            value = fields[name] + (b"; " if name == b"cookie" else b", ") + value
        fields[name] = value
        named.append((name, line))
    if len(named) > MAX_FIELDS:
        raise Refused(431, "too many fields")
    gone = HOP_BY_HOP | drop
    if connection := fields.get(b"connection"):
        gone |= {token for token in _tokens(connection) if token not in _NEVER_HOP}
    return fields, [line for name, line in named if name not in gone]


_ONCE = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect"})
# Connection must not be able to remove what the other side relies on (RFC 9110 section 7.6.1).
_NEVER_HOP = frozenset({b"host", b"content-length", b"transfer-encoding", b"cookie", b"authorization", b"set-cookie"})


def _tokens(value: bytes) -> list[bytes]:
    return [token.strip(b" \t") for token in value.lower().split(b",")]


def _upgrade(fields: dict[bytes, bytes]) -> bytes:
    if b"upgrade" in fields and b"upgrade" in _tokens(fields.get(b"connection", b"")):
        return fields[b"upgrade"]
    return b""


def _persists(fields: dict[bytes, bytes], http10: bool) -> bool:
    """RFC 9112 section 9.3."""
    connection = fields.get(b"connection")
    if connection is None:
        return not http10
    tokens = _tokens(connection)
    return b"close" not in tokens and (not http10 or b"keep-alive" in tokens)


def _content_length(value: bytes) -> int:
    if not value.isdigit() or len(value) > 18:
        raise Refused(400, "bad Content-Length")
    return int(value)


def _request_length(fields: dict[bytes, bytes], http10: bool) -> int:
    """RFC 9112 section 6.3, with every doubtful case refused."""
    encoding, length = fields.get(b"transfer-encoding"), fields.get(b"content-length")
    if encoding is not None:
        if length is not None or http10:
            raise Refused(400, "Transfer-Encoding with Content-Length or in HTTP/1.0")
        if encoding.lower() != b"chunked":
            raise Refused(501, "a transfer coding other than chunked")
        return CHUNKED
    return _content_length(length) if length is not None else 0


def _response_length(fields: dict[bytes, bytes], http10: bool, status: int, method: bytes) -> int:
    encoding, length = fields.get(b"transfer-encoding"), fields.get(b"content-length")
    if encoding is not None and (length is not None or http10 or encoding.lower() != b"chunked"):
        raise Refused(502, "ambiguous framing")
    known = _content_length(length) if length is not None else None
    if status < 200 or status in (204, 304) or method == b"HEAD":
        return 0
    if encoding is not None:
        return CHUNKED
    return UNTIL_CLOSE if known is None else known


class ChunkedBody:
    """Follows a chunked body (RFC 9112 section 7.1) byte by byte without changing it. Raises Refused on any doubt."""

    __slots__ = ("_left", "_state", "_trailer", "_window", "done")

    def __init__(self) -> None:
        self._state = "size"
        self._left = 0
        self._window = b""
        self._trailer = 0
        self.done = False

    def feed(self, data: bytes) -> int:
        """How many bytes of `data` belong to the body. `done` is set once the last of them came."""
        at = 0
        while at < len(data) and not self.done:
            if self._state == "data":
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                if not self._left:
                    self._state = "after"
                continue
            end = data.find(b"\n", at)
            stop = len(data) if end < 0 else end + 1
            self._window += data[at:stop]
            at = stop
            if len(self._window) > 4096:
                raise Refused(400, "a chunk line too long")
            if end >= 0:
                line, self._window = self._window, b""
                self._line(line)
        return at

    def _line(self, line: bytes) -> None:
        if self._state == "after":
            if line != b"\r\n":
                raise Refused(400, "no CRLF after a chunk")
            self._state = "size"
        elif self._state == "size":
            match = _CHUNK_LINE.fullmatch(line)
            if match is None:
                raise Refused(400, "bad chunk size")
            self._left = int(match[1], 16)
            self._state = "data" if self._left else "trailer"
        elif line == b"\r\n":
            self.done = True
        else:
            self._trailer += len(line)
            if self._trailer > 8192 or re.fullmatch(_TOKEN + rb"+:[\t\x20-\x7e\x80-\xff]*\r\n", line) is None:
                raise Refused(400, "bad trailer")
