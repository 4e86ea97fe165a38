"""HTTP/1.1 heads, strict (RFC 9110, 9112): bytes in, a head or a refusal out. Pure.

What two parsers could read in two ways is refused, never guessed: request smuggling lives on second readings.
`quick.py` takes a short cut for plain heads and must come to the same result as the parsers here.
"""

import re
from dataclasses import dataclass

from balancer.fields import (
    FRAMING,
    TEXT,
    TOKEN,
    count_forwards,
    heed_expect,
    parse_fields,
    parse_request_fields,
    persists,
    tokens,
    unannounced,
)
from balancer.fields import Refused as Refused

MAX_HEAD = 32 * 1024
"""Bytes of one head, its empty line included."""
CHUNKED = -1
UNTIL_CLOSE = -2
"""Lengths that are no count of bytes: the body is chunked, or ends with the connection."""

TARGET = rb"/[!-\"$-~]*+"  # origin-form; '#' would be a fragment, which is never sent
HOST = rb"(?:[A-Za-z0-9._~!$&'()*+;=%\-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?"

_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb"{1,32}) ([!-~]+) HTTP/([0-9])\.([0-9])")
_LONG_METHOD = re.compile(TOKEN + rb"{33,} /[!-~]* HTTP/1\.[01]$")
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: " + TEXT + rb"*)?")
_ORIGIN_FORM = re.compile(TARGET)
_ABSOLUTE_FORM = re.compile(rb"(?i:http(s?))://([^/?]+)(" + TARGET + rb")?(\?[!-\"$-~]*)?")
_HOST = re.compile(HOST)
_LENGTH = re.compile(rb"[0-9]{1,15}")
_CODINGS = re.compile(rb"(?:[a-z]+[ \t]*,[ \t]*)+chunked")
SESSION = re.compile(rb"(?:^|;)[ \t]*session_id=([^;]+)")
"""In a Cookie field."""
ISSUED = re.compile(rb"(?i)\r\nset-cookie:[ \t]*session_id=([^;\r]+)")
"""In the head of an answer."""

_SAID = re.compile(rb"(?i)\r\nsession-(outcome|age):[ \t]*([^\r]*)")
"""What a backend tells us, likewise: in disguise it is another field, which may come from anywhere."""

IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"})  # RFC 9110 section 9.2.2
OUTCOMES = ("none", "new", "hit", "unknown", "expired", "revoked", "store_error")
OUTCOMES_BY_NAME = {name.encode(): name for name in OUTCOMES}


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
    whole: int = CHUNKED
    """Bytes of the head and the body together; CHUNKED: only the body tells."""
    usual: bool = False
    """A whole answer may go to this client in one piece: it has asked for one in HTTP/1.1."""
    client: str = ""
    """The client's address; whoever accepted the connection fills it in."""
    wire: bytes = b""
    """The head as sent to the backend; likewise."""
    told: str = ""
    """What events tell of it (events.py), made once."""
    logged: tuple[str, ...] = ()
    """What the access log says of it (log_lines.py), made once."""


@dataclass(slots=True)
class Response:
    """A response's head. `length` is that of the body that follows on this connection. `kept` as in Request."""

    raw: bytes
    status: int
    kept: bytes
    length: int
    keep_alive: bool
    verbatim: bool
    """`raw` may go to the client as it is, if it is dated."""
    dated: bool
    """`kept` says when it was made; if not, we have to (RFC 9110 section 6.6.1)."""
    whole: int = -1
    """Bytes of the whole answer, if it is dated and this connection may go on after it; -1: not so, or nobody knows."""
    outcome: str | None = None
    age: bytes = b""
    upgrade: bytes = b""


def parse_request_line(line: bytes) -> tuple[bytes, bytes, int]:
    """Method, target and minor version (RFC 9112 section 3). Raises Refused."""
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        if _LONG_METHOD.match(line):
            raise Refused(501, "no method is that long")
        raise Refused(400, "malformed request line")
    method, target, major, minor = match.groups()
    if major != b"1" or minor not in b"01":
        raise Refused(505, "only HTTP/1.1 and HTTP/1.0 are served here")
    return method, target, int(minor)


def parse_request(raw: bytes, trusted: bool = False) -> Request:
    """One whole head, its empty line included (RFC 9112 sections 3 and 5). Raises Refused.

    `trusted`: it comes from a forwarder that is. What we do not know of its X-Forwarded-* then goes on.
    """
    lines = raw[:-4].split(b"\r\n")
    method, target, minor = parse_request_line(lines[0])
    fields, lines = parse_request_fields(lines[1:], trusted)
    target, host = _target(method, target, fields.get(b"host"), minor)
    if host is not None and b"host" not in fields:
        lines.insert(0, b"Host: " + host)
    length = _request_length(fields, minor)
    connection = tokens(fields.get(b"connection", b""))
    heed_expect(fields, lines, minor)
    if method == b"OPTIONS":
        count_forwards(fields, lines)
    upgrade = fields.get(b"upgrade", b"").lower()
    cookie = fields.get(b"cookie", b"")
    session = SESSION.search(cookie)
    keep_alive = persists(connection, minor)
    # Only WebSocket: an upgrade to h2c would tunnel requests past this parser.
    websocket = upgrade == b"websocket" and b"upgrade" in connection and method == b"GET" and not length and minor == 1
    return Request(
        raw=raw,
        method=method,
        target=target,
        host=host or b"",
        kept=b"\r\n".join([method + b" " + target + b" HTTP/1.1", *lines, b""]),
        length=length,
        keep_alive=keep_alive,
        minor=minor,
        websocket=websocket,
        cookie=cookie,
        session=session[1] if session else None,
        replayable=method in IDEMPOTENT,
        whole=len(raw) + length if length >= 0 else CHUNKED,
        usual=minor == 1 and method != b"HEAD" and not websocket,
    )


def parse_response(raw: bytes, method: bytes, strip: bool = False) -> Response:
    """The head of an answer to `method` (RFC 9112 sections 4 and 6.3). Raises Refused with 502.

    `strip` takes the Session-* and Served-By fields out of what goes on, and out of what Trailer announces.
    """
    lines = raw[:-4].split(b"\r\n")
    match = STATUS_LINE.fullmatch(lines[0])
    if match is None:
        raise Refused(502, "malformed status line")
    minor, status = int(match[1]), int(match[2])
    try:
        dropped, family = (_SERVED_BY, b"session-") if strip else (frozenset(), None)
        if status < 200 or status == 204:
            dropped |= FRAMING  # no body follows, so none may be announced (RFC 9110 section 8.6)
        fields, kept = parse_fields(lines[1:], dropped, FRAMING, family)
        if family is not None and b"trailer" in fields:
            kept = unannounced(kept, dropped, family)
        length = _response_length(fields, minor, status, method)
    except Refused as refused:
        raise Refused(502, str(refused)) from None
    connection = tokens(fields.get(b"connection", b""))
    said: dict[bytes, list[bytes]] = {b"outcome": [], b"age": []}
    for name, value in _SAID.findall(raw):
        said[name.lower()].append(value.rstrip(b" \t"))
    kept = [b"HTTP/1.1" + lines[0][8:] + (b" " if len(lines[0]) == 12 else b""), *kept, b""]
    keep_alive = persists(connection, minor) and length != UNTIL_CLOSE
    verbatim = b"\r\n".join([*kept, b""]) == raw
    dated = b"date" in fields and b"date" not in connection  # what Connection names ends here
    return Response(
        raw=raw,
        status=status,
        kept=b"\r\n".join(kept),
        length=length,
        keep_alive=keep_alive,
        verbatim=verbatim,
        dated=dated,
        whole=len(raw) + length if dated and keep_alive and length >= 0 and minor == 1 else -1,
        outcome=OUTCOMES_BY_NAME.get(b", ".join(said[b"outcome"])),
        age=b", ".join(said[b"age"]),
        upgrade=fields.get(b"upgrade", b"") if b"upgrade" in connection else b"",
    )


_SERVED_BY = frozenset({b"served-by"})


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
    if match is None or _HOST.fullmatch(match[2]) is None:
        raise Refused(400, "malformed request target")
    secure, authority, path, query = match.groups()
    port = b":443" if secure else b":80"
    if host is not None and _without(port, host) != _without(port, authority):
        raise Refused(400, "the request target and Host disagree")
    if method == b"OPTIONS" and not path and not query:
        return b"*", host or authority  # RFC 9112 section 3.2.4: it means the server
    return (path or b"/") + (query or b""), host or authority


def _without(port: bytes, host: bytes) -> bytes:
    """A host to compare: `a`, `A:` and `a:80` are the same (RFC 9110 section 4.2.3)."""
    return host.lower().removesuffix(port).removesuffix(b":")


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
