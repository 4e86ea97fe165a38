"""The PROXY protocol, versions 1 and 2, as its receiver: what a forwarder says of the client it speaks for. Pure.

By HAProxy's specification (doc/proxy-protocol.txt; "section" below means its sections). Strict: what is not a header
is no client's luck, because whoever may send one speaks for every address there is.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from balancer.networks import parse_address

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
MAX_V1 = 107
"""Bytes of a version 1 header, its CRLF included (section 2.1)."""
MAX_V2 = 16 + 4096
"""Bytes of a version 2 header we read: the addresses, and type-length-values that are skipped."""

_V1 = re.compile(rb"PROXY (TCP4|TCP6) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) ([0-9]{1,5}) ([0-9]{1,5})\r\n")
_LOCAL, _PROXY = 0x20, 0x21
_UNSPEC, _TCP4, _TCP6, _UNIX = 0x00, 0x11, 0x21, 0x31
_SIZES = {_UNSPEC: 0, _TCP4: 12, _TCP6: 36, _UNIX: 216}
"""Bytes of the addresses, by transport protocol and address family (section 2.2)."""


class Malformed(Exception):
    """No PROXY header: the connection has to end, with no answer (section 2)."""


@dataclass(frozen=True, slots=True)
class Header:
    """`source`: the client's address; empty when the forwarder speaks for itself or does not know (LOCAL, UNKNOWN)."""

    size: int
    source: str = ""


def parse_header(data: bytes) -> Header | None:
    """The header that `data` begins with; None: it is not whole yet. Raises Malformed once none can come of it."""
    if data.startswith(SIGNATURE):
        return _version_2(data)
    if data.startswith(b"PROXY "):
        return _version_1(data)
    if SIGNATURE.startswith(data) or b"PROXY ".startswith(data):
        return None
    raise Malformed("it begins with no PROXY header")


def _version_1(data: bytes) -> Header | None:
    end = data.find(b"\n", 0, MAX_V1) + 1
    if not end:
        if len(data) >= MAX_V1:
            raise Malformed("a version 1 header without an end")
        return None
    line = data[:end]
    if line == b"PROXY UNKNOWN\r\n" or (line.startswith(b"PROXY UNKNOWN ") and line.endswith(b"\r\n")):
        return Header(end)  # whatever else it says is to be ignored
    match = _V1.fullmatch(line)
    if match is None:
        raise Malformed("a malformed version 1 header")
    family = IPv4Address if match[1] == b"TCP4" else IPv6Address
    try:
        source, _ = family(match[2].decode()), family(match[3].decode())
    except ValueError:
        raise Malformed("an address that is none of its family") from None
    for port in match[4], match[5]:
        if int(port) > 65535 or (port.startswith(b"0") and port != b"0"):
            raise Malformed("a malformed port")
    return Header(end, _text(source))


def _version_2(data: bytes) -> Header | None:
    if len(data) < 16:
        return None
    command, kind, length = data[12], data[13], int.from_bytes(data[14:16])
    if command not in (_LOCAL, _PROXY):
        raise Malformed("a command or version that is not known")
    if 16 + length > MAX_V2:
        raise Malformed("a version 2 header that is too long")
    if command == _PROXY and (kind not in _SIZES or length < _SIZES[kind]):
        raise Malformed("an address family, protocol or length that cannot be")
    if len(data) < 16 + length:
        return None
    if command == _LOCAL or kind in (_UNSPEC, _UNIX):
        return Header(16 + length)
    packed = data[16:20] if kind == _TCP4 else data[16:32]
    return Header(16 + length, _text(IPv4Address(packed) if kind == _TCP4 else IPv6Address(packed)))


def _text(address: IPv4Address | IPv6Address) -> str:
    return str(parse_address(str(address)))
