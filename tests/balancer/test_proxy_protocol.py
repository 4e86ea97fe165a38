"""The PROXY protocol's parser, by a table; the sections are those of HAProxy's doc/proxy-protocol.txt."""

import socket
import struct

import pytest

from balancer.proxy_protocol import MAX_V2, SIGNATURE, Header, Malformed, parse_header

V4 = socket.inet_pton(socket.AF_INET, "192.0.2.7") + socket.inet_pton(socket.AF_INET, "10.0.0.1")
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + socket.inet_pton(socket.AF_INET6, "::1")
MAPPED = socket.inet_pton(socket.AF_INET6, "::ffff:192.0.2.7") + socket.inet_pton(socket.AF_INET6, "::1")
PORTS = struct.pack(">HH", 50000, 80)
TLV = b"\x04\x00\x03abc"  # PP2_TYPE_NOOP (section 2.2.4)


def v2(command: int, kind: int, rest: bytes, length: int | None = None) -> bytes:
    return SIGNATURE + struct.pack(">BBH", command, kind, len(rest) if length is None else length) + rest


GOOD = {
    "2.1 TCP4": (b"PROXY TCP4 192.0.2.7 10.0.0.1 50000 80\r\n", "192.0.2.7"),
    "2.1 TCP6": (b"PROXY TCP6 2001:db8::7 ::1 50000 80\r\n", "2001:db8::7"),
    "2.1 TCP6 in capitals and in full": (b"PROXY TCP6 2001:0DB8:0:0:0:0:0:0007 ::1 0 65535\r\n", "2001:db8::7"),
    "2.1 TCP6 that is IPv4": (b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n", "192.0.2.7"),
    "2.1 UNKNOWN": (b"PROXY UNKNOWN\r\n", ""),
    "2.1 UNKNOWN with whatever": (b"PROXY UNKNOWN ffff:f...f:ffff 65535 what\r\n", ""),
    "2.1 the longest": (b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n", ""),
    "2.2 TCP over IPv4": (v2(0x21, 0x11, V4 + PORTS), "192.0.2.7"),
    "2.2 TCP over IPv6": (v2(0x21, 0x21, V6 + PORTS), "2001:db8::7"),
    "2.2 TCP over IPv6 that is IPv4": (v2(0x21, 0x21, MAPPED + PORTS), "192.0.2.7"),
    "2.2 TLVs are skipped": (v2(0x21, 0x11, V4 + PORTS + TLV), "192.0.2.7"),
    "2.2 the longest": (v2(0x21, 0x11, V4 + PORTS + b"\x04\x0f\xf1" + bytes(4081)), "192.0.2.7"),
    "2.2 LOCAL": (v2(0x20, 0x00, b""), ""),
    "2.2 LOCAL: addresses are ignored": (v2(0x20, 0x11, V4 + PORTS), ""),
    "2.2 LOCAL: any family is ignored": (v2(0x20, 0xFF, b"xyz"), ""),
    "2.2 UNSPEC": (v2(0x21, 0x00, b""), ""),
    "2.2 UNSPEC with something": (v2(0x21, 0x00, b"something"), ""),
    "2.2 UNIX": (v2(0x21, 0x31, bytes(216)), ""),
}
BAD = {
    "nothing like it": b"GET / HTTP/1.1\r\n",
    "TLS": b"\x16\x03\x01",
    "small letters": b"proxy TCP4 192.0.2.7 10.0.0.1 50000 80\r\n",
    "a word that only begins so": b"PROXYTCP4 192.0.2.7 10.0.0.1 50000 80\r\n",
    "a blank before": b" PROXY TCP4 192.0.2.7 10.0.0.1 50000 80\r\n",
    "two blanks": b"PROXY  TCP4 192.0.2.7 10.0.0.1 50000 80\r\n",
    "a blank after": b"PROXY TCP4 192.0.2.7 10.0.0.1 50000 80 \r\n",
    "a tab": b"PROXY\tTCP4 192.0.2.7 10.0.0.1 50000 80\r\n",
    "a bare LF": b"PROXY TCP4 192.0.2.7 10.0.0.1 50000 80\n",
    "a bare LF after UNKNOWN": b"PROXY UNKNOWN\n",
    "UNKNOWN and letters": b"PROXY UNKNOWNS\r\n",
    "another protocol": b"PROXY UDP4 192.0.2.7 10.0.0.1 50000 80\r\n",
    "a field too few": b"PROXY TCP4 192.0.2.7 10.0.0.1 50000\r\n",
    "a field too many": b"PROXY TCP4 192.0.2.7 10.0.0.1 50000 80 90\r\n",
    "IPv6 as TCP4": b"PROXY TCP4 2001:db8::7 ::1 50000 80\r\n",
    "IPv4 as TCP6": b"PROXY TCP6 192.0.2.7 10.0.0.1 50000 80\r\n",
    "half an address": b"PROXY TCP4 192.0.2 10.0.0.1 50000 80\r\n",
    "an octet above 255": b"PROXY TCP4 192.0.2.256 10.0.0.1 50000 80\r\n",
    "an octet that may be octal": b"PROXY TCP4 192.0.2.07 10.0.0.1 50000 80\r\n",
    "a scope": b"PROXY TCP6 fe80::1%eth0 ::1 50000 80\r\n",
    "a malformed target": b"PROXY TCP4 192.0.2.7 10.0.0.x 50000 80\r\n",
    "a port above 65535": b"PROXY TCP4 192.0.2.7 10.0.0.1 65536 80\r\n",
    "a port with a zero before it": b"PROXY TCP4 192.0.2.7 10.0.0.1 050 80\r\n",
    "a port with a sign": b"PROXY TCP4 192.0.2.7 10.0.0.1 +50 80\r\n",
    "107 bytes and no end": b"PROXY UNKNOWN " + b"f" * 93,
    "108 bytes": b"PROXY UNKNOWN " + b"f" * 92 + b"\r\n",
    "version 1 in version 2's clothes": v2(0x11, 0x11, V4 + PORTS),
    "version 3": v2(0x31, 0x11, V4 + PORTS),
    "a command that is none": v2(0x22, 0x11, V4 + PORTS),
    "UDP over IPv4": v2(0x21, 0x12, V4 + PORTS),
    "UDP over IPv6": v2(0x21, 0x22, V6 + PORTS),
    "UNIX datagrams": v2(0x21, 0x32, bytes(216)),
    "a family that is none": v2(0x21, 0x41, bytes(216)),
    "a family without a protocol": v2(0x21, 0x10, V4 + PORTS),
    "IPv4 addresses too short": v2(0x21, 0x11, V4),
    "IPv6 addresses too short": v2(0x21, 0x21, V4 + PORTS),
    "UNIX addresses too short": v2(0x21, 0x31, bytes(215)),
    "too long": v2(0x21, 0x11, V4 + PORTS, length=MAX_V2 - 15),
    "LOCAL, and too long": v2(0x20, 0x00, b"", length=65535),
    "a signature with a fault": SIGNATURE[:-1] + b"\r" + v2(0x21, 0x11, V4 + PORTS)[12:],
}


@pytest.mark.parametrize(("data", "source"), GOOD.values(), ids=GOOD.keys())
@pytest.mark.parametrize("after", [b"", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x00\x00"], ids=["", "http", "tls"])
def test_good_headers_are_whole_at_their_last_byte_and_not_before(data: bytes, source: str, after: bytes) -> None:
    assert parse_header(data + after) == Header(len(data), source)
    for end in range(len(data)):
        assert parse_header(data[:end]) is None


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_bad_headers_are_refused_at_once_and_byte_by_byte(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_header(data)
    for end in range(len(data)):  # none of its beginnings is taken for a header
        try:
            assert parse_header(data[:end]) is None
        except Malformed:
            break
