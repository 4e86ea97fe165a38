"""Our TLS transport against OpenSSL's other end and against itself, whatever way the bytes between are cut."""

import asyncio
import ssl
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.secured import Secured
from tests.balancer.certificates import Authority


class Pipe(asyncio.Transport):
    """What is written waits here until the test takes it on."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = b""
        self.closed = self.ended = False

    def write(self, data: Any) -> None:
        self.waiting += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return len(self.waiting)


class End(asyncio.Protocol):
    """One side's protocol: what it was told, in order."""

    def __init__(self, context: ssl.SSLContext, name: str | None = None) -> None:
        self.told: list[str] = []
        self.received = b""
        self.over: list[Exception | None] = []
        self.pipe = Pipe()
        self.tls = Secured(self, context, self.over.append, name)
        self.tls.connection_made(self.pipe)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.told.append("made")

    def data_received(self, data: bytes) -> None:
        assert data
        self.received += data

    def eof_received(self) -> bool:
        self.told.append("eof")
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self.told.append(f"lost {type(error).__name__}")


@pytest.fixture(scope="module")
def contexts(authority: Authority, certificate: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return authority.client(), authority.server(certificate)


def pump(one: End, other: End, sizes: list[int]) -> None:
    """Carry over what waits on both sides, in pieces of these sizes by turns, until nothing waits."""
    turn = 0
    while one.pipe.waiting or other.pipe.waiting:
        for here, there in ((one, other), (other, one)):
            size = sizes[turn % len(sizes)]
            turn += 1
            piece, here.pipe.waiting = here.pipe.waiting[:size], here.pipe.waiting[size:]
            if piece:
                there.tls.data_received(piece)


def pair(contexts: tuple[ssl.SSLContext, ssl.SSLContext], sizes: list[int]) -> tuple[End, End]:
    client, server = End(contexts[0], "localhost"), End(contexts[1])
    pump(client, server, sizes)
    assert client.over == server.over == [None]
    assert client.told == server.told == ["made"]
    return client, server


SIZES = st.lists(st.one_of(st.integers(1, 50), st.integers(51, 70_000)), min_size=1, max_size=8)
TEXTS = st.lists(st.one_of(st.binary(max_size=100), st.integers(0, 100_000).map(bytes)), max_size=6)


@settings(deadline=None, max_examples=60)
@given(sizes=SIZES, asked=TEXTS, answered=TEXTS)
def test_whatever_way_it_is_cut_it_arrives(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], sizes: list[int], asked: list[bytes], answered: list[bytes]
) -> None:
    sizes = [*sizes, 3000]  # byte by byte throughout would take its time
    client, server = pair(contexts, sizes)
    for text in asked:
        client.tls.write(text)
    for text in answered:
        server.tls.write(text)
    pump(client, server, sizes)
    assert (server.received, client.received) == (b"".join(asked), b"".join(answered))
    server.tls.write(b"last")
    server.tls.close()
    assert server.pipe.closed
    pump(client, server, sizes)
    assert client.received.endswith(b"last")
    assert client.told == ["made", "eof"]


def test_ends(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """Each way to end, and what the other side is told."""
    client, server = pair(contexts, [5000])
    client.tls.write_eof()
    pump(client, server, [5000])
    assert (client.pipe.ended, client.pipe.closed, server.told) == (True, False, ["made", "eof"])
    server.tls.write(b"still here")  # the answer to a client that has said all it wanted to
    assert server.pipe.waiting

    client, server = pair(contexts, [5000])
    client.tls.write(b"half of ")
    pump(client, server, [5000])
    assert server.tls.eof_received() is False  # TCP's end alone: it may have been cut by anybody
    server.tls.connection_lost(None)
    assert server.told == ["made", "lost SSLEOFError"]


@pytest.mark.parametrize("at", [0, 1, 5, 100])
def test_a_record_that_was_changed_ends_the_connection(
    at: int, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    client, server = pair(contexts, [5000])
    client.tls.write(bytes(200))
    changed = bytearray(client.pipe.waiting)
    changed[at] ^= 1
    server.tls.data_received(bytes(changed))
    assert server.received == b""
    assert server.pipe.closed
    server.tls.write(b"nobody gets this")
    server.tls.connection_lost(None)
    assert server.told == ["made", "lost SSLError"]


def test_a_handshake_that_fails_is_told_once_and_only_below(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    client, server = End(contexts[0], "elsewhere.test"), End(contexts[1])
    pump(client, server, [5000])
    (problem,) = client.over
    assert isinstance(problem, ssl.SSLCertVerificationError)
    assert client.told == []
    client.tls.connection_lost(None)
    assert (len(client.over), client.told) == (1, [])
