"""Field lines of heads (RFC 9110 section 5, RFC 9112 section 5): what they say, and which of them go on. Pure."""

import re

MAX_FIELDS = 100

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
TEXT = rb"[\t\x20-\x7e\x80-\xff]"
_FIELD = re.compile(rb"(" + TOKEN + rb"+):(" + TEXT + rb"*)")
_NUMBER = re.compile(rb"[0-9]{1,15}")

# They end here: about this connection (RFC 9110 section 7.6.1), or for us.
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te upgrade http2-settings".split()
)
FORGEABLE = frozenset(
    b"forwarded x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port x-real-ip proxy".split()
)
"""Where a request came from is ours to say; and CGI programs take `Proxy` for a setting (CVE-2016-5385)."""
X_FORWARDED = b"x-forwarded-"
"""A family with as many members as there are frameworks: -Prefix, -Ssl, -User, -Client-Cert. Whoever is no trusted
forwarder may say none of it."""
FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_ONCE = FRAMING | {b"host", b"expect", b"upgrade"}
_READ_BY_ALL = FRAMING | {b"host"}
# Connection may not take away what the other side relies on (RFC 9110 section 7.6.1).
_END_TO_END = frozenset(
    b"host content-length transfer-encoding cookie set-cookie authorization content-type content-encoding "
    b"content-range expect cache-control via session-outcome location www-authenticate".split()
)
_PLAIN = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+.^_`|~", b"abcdefghijklmnopqrstuvwxyz" + b"-" * 14)


class Refused(Exception):
    """A message that goes nowhere. `status` is for the client, whose connection is closed after it."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def parse_fields(
    lines: list[bytes], dropped: frozenset[bytes], once: frozenset[bytes], family: bytes | None = None
) -> tuple[dict[bytes, bytes], list[bytes]]:
    """All values by plain name, and the lines that go on: none in `dropped`, and none that begins with `family`. No
    name in `once` may come twice.

    What others read as well goes on in the one spelling that nobody can misread: no tab or second blank before it, no
    leading zero, no capital in `chunked`, all cookies in one field (RFC 6265 section 5.4).
    """
    if len(lines) > MAX_FIELDS:
        raise Refused(431, f"more than {MAX_FIELDS} fields")
    fields: dict[bytes, bytes] = {}
    named: list[tuple[bytes, bytes]] = []
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise Refused(400, "malformed field line")
        name, value = plain(match[1]), match[2].strip(b" \t")
        if name in once and name in _READ_BY_ALL:
            if name != match[1].lower():
                raise Refused(400, "a framing field in disguise")
            line = match[1] + b": " + (value if name == b"host" else value.lower().lstrip(b"0") or b"0")
        if name in fields:
            if name in once:
                raise Refused(400, f"{name.decode()} more than once")
            value = (b"; " if name == b"cookie" else b", ").join(filter(None, (fields[name], value)))
            if name == b"cookie" and b"host" in once:  # in a request
                line = b"Cookie: " + value
                named = [(other, kept) for other, kept in named if other != name]
        fields[name] = value
        named.append((name, line))
    gone = HOP_BY_HOP | dropped
    if connection := frozenset(map(plain, tokens(fields.get(b"connection", b"")))):
        if not _END_TO_END.isdisjoint(connection):
            raise Refused(400, "Connection names an end-to-end field")
        gone = gone | connection
    if family is not None:
        named = [(name, line) for name, line in named if not name.startswith(family)]
    return fields, [line for name, line in named if name not in gone]


def parse_request_fields(lines: list[bytes], trusted: bool) -> tuple[dict[bytes, bytes], list[bytes]]:
    """As above, for a request that comes from a forwarder which is `trusted`, or from anybody."""
    if not trusted:
        return parse_fields(lines, FORGEABLE, _ONCE, X_FORWARDED)
    fields, kept = parse_fields(lines, FORGEABLE, _ONCE)
    return fields, [line for line in kept if not _is_smuggled(line.partition(b":")[0].lower())]


def _is_smuggled(name: bytes) -> bool:
    """Whether a client may have sent it past its forwarder, which sets the same with hyphens."""
    return plain(name) != name and plain(name).startswith(X_FORWARDED)


def unannounced(lines: list[bytes], dropped: frozenset[bytes], family: bytes) -> list[bytes]:
    """The lines; what is in `dropped` or begins with `family` does not come as a trailer either, so Trailer (RFC 9110
    section 6.6.2) names none of it any more."""
    left = []
    for line in lines:
        name, _, value = line.partition(b":")
        if plain(name) == b"trailer":
            named = [each.strip(b" \t") for each in value.split(b",")]
            value = b", ".join(e for e in named if e and plain(e) not in dropped and not plain(e).startswith(family))
            line = name + b": " + value if value else b""
        left.append(line)
    return [line for line in left if line]


def plain(name: bytes) -> bytes:
    """A field's name as the most careless server reads it: CGI and WSGI make `_` of everything but letters."""
    return name.translate(_PLAIN)


def tokens(value: bytes) -> frozenset[bytes]:
    return frozenset(token.strip(b" \t") for token in value.lower().split(b",")) if value else frozenset()


def persists(connection: frozenset[bytes], minor: int) -> bool:
    """RFC 9112 section 9.3."""
    return b"close" not in connection and (minor == 1 or b"keep-alive" in connection)


def heed_expect(fields: dict[bytes, bytes], lines: list[bytes], minor: int) -> None:
    """RFC 9110 section 10.1.1: what we cannot promise is refused; HTTP/1.0 clients cannot mean it."""
    expect = fields.get(b"expect")
    if expect is not None and expect.lower() != b"100-continue":
        raise Refused(417, "Expect knows only 100-continue")
    if expect is not None and minor == 0:
        lines[:] = [line for line in lines if not line.lower().startswith(b"expect:")]


def count_forwards(fields: dict[bytes, bytes], lines: list[bytes]) -> None:
    """RFC 9110 section 7.6.2: one hop less to go; OPTIONS that has come to its end is answered here."""
    hops = fields.get(b"max-forwards")
    if hops is None:
        return
    if _NUMBER.fullmatch(hops) is None:
        raise Refused(400, "malformed Max-Forwards")
    if not int(hops):
        raise Refused(200, "this is the balancer, where Max-Forwards ends")
    lines[:] = [line for line in lines if plain(line.partition(b":")[0]) != b"max-forwards"]
    lines.append(b"Max-Forwards: %d" % (int(hops) - 1))
