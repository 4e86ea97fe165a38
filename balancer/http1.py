"""HTTP/1.1 heads, strict (RFC 9110, 9112): bytes in, a head or a refusal out. Pure.

What two parsers could read in two ways is refused, never guessed: request smuggling lives on second readings.
`quick.py` takes a short cut for plain heads and must come to the same result as the parsers here.
"""

import re
from dataclasses import dataclass

MAX_HEAD = 32 * 1024
"""Bytes of one head, its empty line included."""
MAX_FIELDS = 100
CHUNKED = -1
UNTIL_CLOSE = -2
"""Lengths that are no count of bytes: the body is chunked, or ends with the connection."""

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
TEXT = rb"[\t\x20-\x7e\x80-\xff]"
TARGET = rb"/[!-\"$-~]*+"  # origin-form; '#' would be a fragment, which is never sent
HOST = rb"(?:[A-Za-z0-9._~!$&'()*+;=%\-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?"

_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb"{1,32}) ([!-~]+) HTTP/([0-9])\.([0-9])")
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: " + TEXT + rb"*)?")
_FIELD = re.compile(rb"(" + TOKEN + rb"+):(" + TEXT + rb"*)")
_ORIGIN_FORM = re.compile(TARGET)
_ABSOLUTE_FORM = re.compile(rb"(?i:https?)://([^/?]+)(" + TARGET + rb")?(\?[!-\"$-~]*)?")
_HOST = re.compile(HOST)
_LENGTH = re.compile(rb"[0-9]{1,15}")
_CODINGS = re.compile(rb"(?:[a-z]+[ \t]*,[ \t]*)+chunked")
SESSION = re.compile(rb"(?:^|;)[ \t]*session_id=([^;]+)")

IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"})  # RFC 9110 section 9.2.2
OUTCOMES = ("none", "new", "hit", "unknown", "expired", "revoked", "store_error")
OUTCOMES_BY_NAME = {name.encode(): name for name in OUTCOMES}

# They end here: about this connection (RFC 9110 section 7.6.1), or for us.
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te upgrade http2-settings".split()
)
# Where a request came from is ours to say. Servers that read `_` as `-` (CGI, WSGI) are meant, too.
FORGEABLE = frozenset(
    b"forwarded x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port x-real-ip".split()
)
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_ONCE = _FRAMING | {b"host", b"expect", b"upgrade"}
# Connection may not take away what the other side relies on (RFC 9110 section 7.6.1).
_END_TO_END = frozenset(
    b"host content-length transfer-encoding cookie set-cookie authorization content-type expect cache-control via "
    b"session-outcome location".split()
)


class Refused(Exception):
    """A message that goes nowhere. `status` is for the client, whose connection is closed after it."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(slots=True)
class Request:
    """A request's head. `kept` is what goes on to the backend: request line and field lines, no empty line."""

    raw: bytes
    method: bytes
    target: bytes
    host: bytes
    kept: bytes
    length: int = 0
    keep_alive: bool = True
    minor: int = 1
    websocket: bool = False
    cookie: bytes = b""
    session: bytes | None = None
    """The session ID it carries."""
    replayable: bool = True
    """Doing it twice is as good as doing it once."""
    client: str = ""
    """The client's address; whoever accepted the connection fills it in."""
    wire: bytes = b""
    """The head as sent to the backend; likewise."""
    told: str = ""
    """What events tell of it (events.py), made once."""


@dataclass(slots=True)
class Response:
    """A response's head. `length` is that of the body that follows on this connection. `kept` as in Request."""

    raw: bytes
    status: int
    kept: bytes
    length: int
    keep_alive: bool
    verbatim: bool
    """`raw` may go to the client as it is."""
    outcome: str | None = None
    age: bytes = b""
    upgrade: bytes = b""


def parse_request(raw: bytes) -> Request:
    """One whole head, its empty line included (RFC 9112 sections 3 and 5). Raises Refused."""
    lines = raw[:-4].split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(lines[0])
    if match is None:
        raise Refused(400, "malformed request line")
    method, target, major, minor_digit = match.groups()
    if major != b"1" or minor_digit not in b"01":
        raise Refused(505, "only HTTP/1.1 and HTTP/1.0 are served here")
    minor = int(minor_digit)
    fields, lines = _fields(lines[1:], FORGEABLE, _ONCE)
    target, host = _target(method, target, fields.get(b"host"), minor)
    if host is not None and b"host" not in fields:
        lines.insert(0, b"Host: " + host)
    length = _request_length(fields, minor)
    connection = _tokens(fields.get(b"connection", b""))
    _heed_expect(fields, lines, minor)
    upgrade = fields.get(b"upgrade", b"").lower()
    cookie = fields.get(b"cookie", b"")
    session = SESSION.search(cookie)
    return Request(
        raw=raw,
        method=method,
        target=target,
        host=host or b"",
        kept=b"\r\n".join([method + b" " + target + b" HTTP/1.1", *lines, b""]),
        length=length,
        keep_alive=persists(connection, minor),
        minor=minor,
        # Only WebSocket: an upgrade to h2c would tunnel requests past this parser.
        websocket=upgrade == b"websocket"
        and b"upgrade" in connection
        and method == b"GET"
        and not length
        and minor == 1,
        cookie=cookie,
        session=session[1] if session else None,
        replayable=method in IDEMPOTENT,
    )


def parse_response(raw: bytes, method: bytes, strip: bool = False) -> Response:
    """The head of an answer to `method` (RFC 9112 sections 4 and 6.3). Raises Refused with 502.

    `strip` takes the Session-* and Served-By fields out of what goes on.
    """
    lines = raw[:-4].split(b"\r\n")
    match = _STATUS_LINE.fullmatch(lines[0])
    if match is None:
        raise Refused(502, "malformed status line")
    minor, status = int(match[1]), int(match[2])
    try:
        dropped = _OURS if strip else frozenset()
        if status < 200 or status == 204:
            dropped |= _FRAMING  # no body follows, so none may be announced (RFC 9110 section 8.6)
        fields, kept = _fields(lines[1:], dropped, _FRAMING)
        length = _response_length(fields, minor, status, method)
    except Refused as refused:
        raise Refused(502, str(refused)) from None
    connection = _tokens(fields.get(b"connection", b""))
    kept = [b"HTTP/1.1" + lines[0][8:] + (b" " if len(lines[0]) == 12 else b""), *kept, b""]
    return Response(
        raw=raw,
        status=status,
        kept=b"\r\n".join(kept),
        length=length,
        keep_alive=persists(connection, minor) and length != UNTIL_CLOSE,
        verbatim=b"\r\n".join([*kept, b""]) == raw,
        outcome=OUTCOMES_BY_NAME.get(fields.get(b"session-outcome", b"")),
        age=fields.get(b"session-age", b""),
        upgrade=fields.get(b"upgrade", b"") if b"upgrade" in connection else b"",
    )


_OURS = frozenset({b"served-by", b"session-outcome", b"session-age"})


def _fields(
    lines: list[bytes], dropped: frozenset[bytes], once: frozenset[bytes]
) -> tuple[dict[bytes, bytes], list[bytes]]:
    """All values by lower-case name, and the lines that go on. No name in `once` may come twice."""
    if len(lines) > MAX_FIELDS:
        raise Refused(431, f"more than {MAX_FIELDS} fields")
    fields: dict[bytes, bytes] = {}
    named: list[tuple[bytes, bytes]] = []
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise Refused(400, "malformed field line")
        name, value = match[1].lower(), match[2].strip(b" \t")
        if b"_" in name:
            name = name.replace(b"_", b"-")
            if name in _FRAMING or name == b"host":
                raise Refused(400, "a framing field in disguise")
        if name in fields:
            if name in once:
                raise Refused(400, f"{name.decode()} more than once")
            value = fields[name] + (b"; " if name == b"cookie" else b", ") + value
        fields[name] = value
        named.append((name, line))
    gone = HOP_BY_HOP | dropped
    if connection := _tokens(fields.get(b"connection", b"")):
        if not _END_TO_END.isdisjoint(connection):
            raise Refused(400, "Connection names an end-to-end field")
        gone = gone | connection
    return fields, [line for name, line in named if name not in gone]


def _tokens(value: bytes) -> frozenset[bytes]:
    return frozenset(token.strip(b" \t") for token in value.lower().split(b",")) if value else frozenset()


def persists(connection: frozenset[bytes], minor: int) -> bool:
    """RFC 9112 section 9.3."""
    return b"close" not in connection and (minor == 1 or b"keep-alive" in connection)


def _target(method: bytes, target: bytes, host: bytes | None, minor: int) -> tuple[bytes, bytes | None]:
    """The target in origin-form, and the host it is for (RFC 9112 sections 3.2 and 3.2.2)."""
    if method in (b"CONNECT", b"TRACE"):
        raise Refused(405, f"{method.decode()} is not served here")
    if host is None and minor == 1:
        raise Refused(400, "no Host")
    if host is not None and _HOST.fullmatch(host) is None:
        raise Refused(400, "malformed Host")
    if _ORIGIN_FORM.fullmatch(target) or (target == b"*" and method == b"OPTIONS"):
        return target, host
    match = _ABSOLUTE_FORM.fullmatch(target)
    if match is None or _HOST.fullmatch(match[1]) is None:
        raise Refused(400, "malformed request target")
    if host is not None and host.lower() != match[1].lower():
        raise Refused(400, "the request target and Host disagree")
    return (match[2] or b"/") + (match[3] or b""), match[1]


def _request_length(fields: dict[bytes, bytes], minor: int) -> int:
    """RFC 9112 section 6.3, every doubtful case refused."""
    coding, length = fields.get(b"transfer-encoding"), fields.get(b"content-length")
    if coding is None:
        return _content_length(length) if length is not None else 0
    if length is not None or minor == 0:
        raise Refused(400, "Transfer-Encoding with Content-Length or in HTTP/1.0")
    if coding.lower() == b"chunked":
        return CHUNKED
    if _CODINGS.fullmatch(coding.lower()) and coding.lower().count(b"chunked") == 1:
        raise Refused(501, "a transfer coding other than chunked")
    raise Refused(400, "malformed Transfer-Encoding")


def _response_length(fields: dict[bytes, bytes], minor: int, status: int, method: bytes) -> int:
    coding, length = fields.get(b"transfer-encoding"), fields.get(b"content-length")
    if coding is not None and (length is not None or minor == 0 or coding.lower() != b"chunked"):
        raise Refused(502, "ambiguous framing")
    known = _content_length(length) if length is not None else UNTIL_CLOSE
    if status < 200 or status == 204:
        if coding is not None:
            raise Refused(502, f"Transfer-Encoding with {status}")  # RFC 9112 section 6.1
        return 0
    if status == 304 or method == b"HEAD":
        return 0
    return CHUNKED if coding is not None else known


def _content_length(value: bytes) -> int:
    if _LENGTH.fullmatch(value) is None:
        raise Refused(400, "malformed Content-Length")
    return int(value)


def _heed_expect(fields: dict[bytes, bytes], lines: list[bytes], minor: int) -> None:
    """RFC 9110 section 10.1.1: what we cannot promise is refused; HTTP/1.0 clients cannot mean it."""
    expect = fields.get(b"expect")
    if expect is not None and expect.lower() != b"100-continue":
        raise Refused(417, "Expect knows only 100-continue")
    if expect is not None and minor == 0:
        lines[:] = [line for line in lines if not line.lower().startswith(b"expect:")]
