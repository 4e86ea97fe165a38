"""The short cut (quick.py) decides as the strict parsers do: on each head of the table, and on broken copies of it."""

import dataclasses
from collections.abc import Iterator
from random import Random

import pytest

from balancer.bodies import Chunked, all_chunks
from balancer.http1 import Refused, parse_request, parse_response
from balancer.quick import quick_request, quick_response
from tests.conformance.table import REQUESTS, RESPONSES

SENT = [row.sent for rows in REQUESTS.values() for row in rows if len(row.sent) < 2000]
ANSWERED = [row.sent for rows in RESPONSES.values() for row in rows if len(row.sent) < 2000]
CHUNKS = [
    body
    for rows in (REQUESTS["chunks"], REQUESTS["trailers"], RESPONSES["chunked"])
    for row in rows
    if 0 < len(body := row.sent.partition(b"\r\n\r\n")[2]) < 2000
]
PIECES = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b";", b"_", b"-", b".", b"0", b"1", b"\x7f", b"\x80",
    b"Host: b\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: keep-alive\r\n",
    b"Connection: close\r\n", b"Cookie: c=d\r\n", b"Keep-Alive: 5\r\n", b"Upgrade: h2c\r\n", b"\r\n\r\n", b"chunked",
    b"HTTP/1.1", b"\xff", b"Date: x\r\n", b"dAte:",
]  # fmt: skip
BREAKAGES = [100, pytest.param(500, marks=pytest.mark.slow)]
"""Broken copies of each."""


def broken(rng: Random, raw: bytes) -> bytes:
    """A copy with one or a few bytes or lines lost, doubled, swapped or put in."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        lines = raw.split(b"\r\n")
        at = rng.randrange(len(raw) + 1)
        match rng.randrange(6):
            case 0:
                raw = raw[:at] + rng.choice(PIECES) + raw[at:]
            case 1:
                raw = raw[:at] + rng.choice(PIECES) + raw[at + 1 :]
            case 2:
                raw = raw[:at] + raw[at + rng.randint(1, 4) :]
            case 3:
                raw = raw[:at] + bytes([rng.randrange(256)]) + raw[at + 1 :]
            case 4:
                lines.insert(rng.randrange(len(lines)), rng.choice(lines))
                raw = b"\r\n".join(lines)
            case 5:
                rng.shuffle(lines)
                raw = b"\r\n".join(lines)
    return raw


def copies(seeds: list[bytes], count: int) -> Iterator[bytes]:
    rng = Random(count)
    for raw in seeds:
        yield raw
        yield raw.swapcase()
        for _ in range(count):
            yield broken(rng, raw)


@pytest.mark.parametrize("count", BREAKAGES)
def test_requests(count: int) -> None:
    plain = 0
    for raw in copies(SENT, count):
        quick = quick_request(raw)
        if quick is not None:
            plain += 1
            try:
                assert dataclasses.asdict(quick) == dataclasses.asdict(parse_request(head_of(raw)))
            except Refused as refused:
                raise AssertionError(f"the short cut took {raw!r}: {refused}") from refused
    assert plain > len(SENT) * count / 20  # the comparison has taken place


@pytest.mark.parametrize("count", BREAKAGES)
def test_answers(count: int) -> None:
    plain = 0
    for raw in copies(ANSWERED, count):
        for method in (b"GET", b"HEAD"):
            quick = quick_response(raw, method)
            if quick is not None:
                plain += 1
                try:
                    assert dataclasses.asdict(quick) == dataclasses.asdict(parse_response(head_of(raw), method))
                except Refused as refused:
                    raise AssertionError(f"the short cut took {raw!r}: {refused}") from refused
    assert plain > len(ANSWERED) * count / 20


@pytest.mark.parametrize("count", BREAKAGES)
def test_chunked_bodies(count: int) -> None:
    plain = 0
    for raw in copies(CHUNKS, count):
        if all_chunks(raw, 0):
            plain += 1
            body = Chunked()
            assert body.feed(raw) == (raw, b"")
            assert body.done
    assert plain > count / 2


def head_of(raw: bytes) -> bytes:
    return raw[: raw.index(b"\r\n\r\n") + 4]
