"""What a TLS client offers before anything is encrypted (RFC 8446 section 4.1.2). Pure.

OpenSSL reads all of it later and judges it; this only finds the application protocols (ALPN), because Python's ssl
goes on without one where RFC 7301 section 3.2 wants a refusal.
"""

MAX_HELLO = 32 * 1024
"""Bytes of a ClientHello, in whatever number of records."""
MOST_RECORDS = 16
"""More would make a client that sends byte by byte expensive; OpenSSL may have those as they are."""
HANDSHAKE = 22
NO_APPLICATION_PROTOCOL = bytes([21, 3, 3, 0, 2, 2, 120])
"""The fatal alert of RFC 7301, as a record."""
_CLIENT_HELLO = 1
_ALPN = 16


def whole_hello(flight: bytes) -> bytes | None:
    """The ClientHello out of the records that carry it; None: more has to come. Empty: it is none."""
    hello = b""
    at = 0
    for _ in range(MOST_RECORDS):
        if len(flight) < at + 5:
            return None if len(flight) < MAX_HELLO else b""
        size = int.from_bytes(flight[at + 3 : at + 5])
        if flight[at] != HANDSHAKE or not size:
            return b""
        hello += flight[at + 5 : at + 5 + size]
        at += 5 + size
        if hello[0:1] != bytes([_CLIENT_HELLO]):
            return b"" if hello else None
        if len(hello) >= 4 and len(hello) >= (end := 4 + int.from_bytes(hello[1:4])):
            return hello[4:end]
    return b""


def protocols_offered(hello: bytes) -> list[bytes]:
    """The names in its ALPN extension (RFC 7301 section 3.1); none where there is no such extension."""
    at = 2 + 32  # version, random
    for size in (1, 2, 1):  # session ID, cipher suites, compression methods: each a length and so many bytes
        at += size + int.from_bytes(hello[at : at + size])
    at += 2  # the length of all extensions
    while at + 4 <= len(hello):
        kind, size = int.from_bytes(hello[at : at + 2]), int.from_bytes(hello[at + 2 : at + 4])
        if kind == _ALPN:
            return _names(hello[at + 6 : at + 4 + size])
        at += 4 + size
    return []


def _names(listed: bytes) -> list[bytes]:
    names = []
    while listed:
        end = 1 + listed[0]
        names.append(listed[1:end])
        listed = listed[end:]
    return names
