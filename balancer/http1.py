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
_FIELDS = rb"(?:" + _TOKEN + rb"++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+\r\n"
_REQUEST = re.compile(rb"(" + _TOKEN + rb"{1,32}+) ([\x21-\x7e]++) HTTP/1\.([01])\r\n" + _FIELDS)
_RESPONSE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*+)?\r\n" + _FIELDS)
_ABSOLUTE = re.compile(rb"http://([^/?#@]+)([/?].*)?", re.IGNORECASE)
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,12})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")

# Only these fields matter to a proxy, and each costs a little at every request; the others pass as they came.
_HOP_BY_HOP = rb"connection|keep-alive|proxy-connection|proxy-authenticate|te|transfer-encoding|upgrade"
"""Fields about one connection (RFC 9110 section 7.6.1), removed on both ways."""
_FORGEABLE = rb"x-forwarded-for|x-forwarded-proto|x-forwarded-host|forwarded|x-real-ip"
"""What only we may say about where a request came from: a client's own are removed."""


def _finder(names: bytes) -> re.Pattern[bytes]:
    """Finds the fields with these names in a head that is known to be well-formed: (name, value) each."""
    return re.compile(rb"\n((?i:" + names + rb")):[\t ]*([^\r]*)")


def _remover(names: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?<=\n)(?i:" + names + rb"):[^\n]*\n")


_IN_REQUEST = _finder(_HOP_BY_HOP + b"|" + _FORGEABLE + rb"|host|content-length|cookie|expect|lab-user")
_IN_RESPONSE = _finder(_HOP_BY_HOP + rb"|content-length|set-cookie|session-outcome|session-age|served-by")
_NOT_IN_REQUEST = _remover(_HOP_BY_HOP + b"|" + _FORGEABLE)
_NOT_IN_RESPONSE = _remover(_HOP_BY_HOP)
_STAY = frozenset({b"host", b"content-length", b"cookie", b"expect", b"lab-user"})
_STAY_IN_RESPONSE = frozenset({b"content-length", b"set-cookie", b"session-outcome", b"session-age", b"served-by"})
_WITH_CONNECTION = _STAY | _STAY_IN_RESPONSE | {b"connection"}
_ONCE = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect"})
# What Connection may say without a field being meant, or without being able to remove what the other side relies on.
_NOT_A_FIELD_TO_REMOVE = frozenset({
    b"close", b"keep-alive", b"upgrade", b"te",
    b"host", b"content-length", b"transfer-encoding", b"cookie", b"authorization", b"set-cookie",
})  # fmt: skip
_SESSION = re.compile(rb"(?:^|[; ])session_id=([^;]+)")


class Refused(Exception):
    """A message that must not be passed on. `status` is for the client; the connection closes after it."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


CHUNKED = -1
UNTIL_CLOSE = -2


@dataclass(slots=True)
class Head:
    """One head. `text` is its start line and end-to-end fields as they go on, each line with its CRLF; `fields` holds
    those that matter here, by lower-case name; `length` is a count of bytes, CHUNKED or UNTIL_CLOSE."""

    text: bytes
    fields: dict[bytes, bytes]
    length: int
    keep_alive: bool
    upgrade: bytes
    method: bytes = b""
    target: bytes = b""
    session: bytes | None = None
    """The session ID a request carries."""
    status: int = 0
    http10: bool = False


def parse_request(data: bytes) -> Head:
    """The head in `data`, which ends with its empty line (RFC 9112 sections 3, 5, 6). Raises Refused."""
    match = _REQUEST.fullmatch(data)
    if match is None:
        raise Refused(400, "malformed request head")
    method, target, minor = match.groups()
    http10 = minor == b"0"
    fields = _fields(_IN_REQUEST, data)
    text = data[:-2]
    if not fields.keys() <= _STAY:
        text = _without(text, _NOT_IN_REQUEST, fields)
    if http10 or target[:1] != b"/" or method == b"CONNECT" or b"#" in target:
        target = _unusual_target(method, target, fields)
        text = b"%b %b HTTP/1.1\r\n" % (method, target) + text[text.index(b"\n") + 1 :]
    host = fields.get(b"host")
    if host is None:
        if not http10:
            raise Refused(400, "no Host field")  # RFC 9112 section 3.2
    elif host and _HOST.fullmatch(host) is None:
        raise Refused(400, "bad Host field")
    found = _SESSION.search(fields[b"cookie"]) if b"cookie" in fields else None
    return Head(
        text, fields, _request_length(fields, http10), _persists(fields, http10), _upgrade(fields), method, target,
        found[1] if found else None, http10=http10,
    )  # fmt: skip


def _unusual_target(method: bytes, target: bytes, fields: dict[bytes, bytes]) -> bytes:
    """The target in origin-form (RFC 9112 section 3.2). Raises Refused."""
    if method == b"CONNECT":
        raise Refused(405, "CONNECT is not for a reverse proxy")
    if absolute := _ABSOLUTE.fullmatch(target):
        # section 3.2.2: the target's authority counts, so a Host field that disagrees is an attack or a mistake
        if fields.get(b"host", absolute[1]).lower() != absolute[1].lower():
            raise Refused(400, "absolute-form target and Host disagree")
        target = absolute[2] or b"/"
        target = target if target[:1] == b"/" else b"/" + target
    elif target[:1] != b"/" and not (target == b"*" and method == b"OPTIONS"):
        raise Refused(400, "request target in no known form")
    if b"#" in target:
        raise Refused(400, "a fragment in the request target")
    return target


def parse_response(data: bytes, method: bytes) -> Head:
    """The head of an answer to `method` (RFC 9112 sections 4 and 6.3). Raises Refused (502)."""
    match = _RESPONSE.fullmatch(data)
    if match is None:
        raise Refused(502, "malformed response head")
    minor, digits = match.groups()
    http10, status = minor == b"0", int(digits)
    try:
        fields = _fields(_IN_RESPONSE, data)
        length = _response_length(fields, http10, status, method)
    except Refused as refused:
        raise Refused(502, str(refused)) from None
    text = data[:-2]
    if not fields.keys() <= _STAY_IN_RESPONSE:
        text = _without(text, _NOT_IN_RESPONSE, fields)
    if http10:
        text = b"HTTP/1.1" + text[8:]
    return Head(text, fields, length, _persists(fields, http10), _upgrade(fields), status=status, http10=http10)


def _fields(finder: re.Pattern[bytes], data: bytes) -> dict[bytes, bytes]:
    """The fields that matter, by lower-case name; those given several times are joined as their kind is."""
    if data.count(b"\n") > MAX_FIELDS + 2:
        raise Refused(431, "too many fields")
    fields: dict[bytes, bytes] = {}
    for name, value in finder.findall(data):
        name, value = name.lower(), value.rstrip(b" \t")
        if name in fields:
            if name in _ONCE:
                raise Refused(400, f"{name.decode()} more than once")
            value = fields[name] + (b"; " if name == b"cookie" else b", ") + value
        fields[name] = value
    return fields


def _without(text: bytes, remover: re.Pattern[bytes], fields: dict[bytes, bytes]) -> bytes:
    """The head's text without the fields that must not go on, among them those that Connection names."""
    if fields.get(b"connection") == b"keep-alive":  # says nothing in HTTP/1.1, and nearly every nginx says it
        shorter = text.replace(b"\nConnection: keep-alive\r\n", b"\n", 1)
        if len(shorter) < len(text) and fields.keys() <= _WITH_CONNECTION:
            return shorter
    text = remover.sub(b"", text)
    if connection := fields.get(b"connection"):
        for token in _tokens(connection):
            if token and token not in _NOT_A_FIELD_TO_REMOVE:
                text = _remover(re.escape(token)).sub(b"", text)
    return text


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
