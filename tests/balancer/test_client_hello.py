"""What is read of a ClientHello before OpenSSL sees it: by real ones, and by what never raises."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.client_hello import MAX_HELLO, protocols_offered, whole_hello


def flight(*protocols: str, maximum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """A real client's first message."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = maximum
    if protocols:
        context.set_alpn_protocols(list(protocols))
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="shop.test")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


REAL = flight("h2", "http/1.1")


def in_records(data: bytes, size: int) -> bytes:
    """The same message, cut into records of so many bytes (RFC 8446 section 5.1 allows it)."""
    message = data[5:]
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2) + piece for piece in pieces)


@pytest.mark.parametrize("maximum", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("protocols", [(), ("h2",), ("h2", "http/1.1"), ("x" * 255, "http/1.1")])
@pytest.mark.parametrize("size", [60, 100, 1 << 14])
def test_real_clients(protocols: tuple[str, ...], size: int, maximum: ssl.TLSVersion) -> None:
    data = in_records(flight(*protocols, maximum=maximum), size)
    hello = whole_hello(data + b"\x16\x03\x03")
    assert hello
    assert protocols_offered(hello) == [name.encode() for name in protocols]
    assert all(whole_hello(data[:end]) is None for end in range(len(data)))


def test_a_hello_in_a_thousand_records_is_left_to_openssl() -> None:
    assert whole_hello(in_records(REAL, 1)) == b""


NONE = {
    "another record": b"\x17\x03\x03\x00\x05hello",
    "another message": b"\x16\x03\x03\x00\x05\x02\x00\x00\x01x",
    "an empty record": b"\x16\x03\x03\x00\x00",
    "records of different kinds": b"\x16\x03\x03\x00\x02\x01\x00\x15\x03\x03\x00\x02\x02\x28",
    "one without an end": b"\x16\x03\x01\xff\xff\x01\xff\xff\xff" + bytes(MAX_HELLO),
}


@pytest.mark.parametrize("data", NONE.values(), ids=NONE.keys())
def test_none_is_left_to_openssl_at_once(data: bytes) -> None:
    assert whole_hello(data) == b""
    assert protocols_offered(b"") == []


@given(st.binary(max_size=200))
def test_nothing_raises(data: bytes) -> None:
    whole_hello(b"\x16\x03\x01" + data)
    protocols_offered(data)


@given(st.data())
def test_no_change_of_a_real_one_raises(data: st.DataObject) -> None:
    hello = bytearray(REAL)
    for _ in range(data.draw(st.integers(1, 4))):
        hello[data.draw(st.integers(0, len(hello) - 1))] = data.draw(st.integers(0, 255))
    protocols_offered(whole_hello(bytes(hello)) or b"")
