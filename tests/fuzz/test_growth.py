"""However odd the input: work grows with its length and no faster, and nothing is kept of what is over."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from random import Random
from time import process_time

import pytest

from balancer.bodies import Chunked, body_of
from balancer.fields import Refused
from balancer.http1 import CHUNKED, parse_request, parse_response
from balancer.quick import quick_request, quick_response
from balancer.unfinished import refuse_hopeless
from tests.fuzz import answers, conversations, mutate
from tests.fuzz.memory import Memory, MemoryLoop

SMALL, LARGE = 1_000, 16_000
HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\n"

# Heads of about `n` bytes that almost match, so that an expression with two ways to match would try them all.
HEADS: dict[str, Callable[[int], bytes]] = {
    "a long method": lambda n: b"G" * n + b" / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a long target": lambda n: b"GET /" + b"a" * n + b"\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a long absolute target": lambda n: b"GET http://" + b"a" * n + b"# HTTP/1.1\r\nHost: a\r\n\r\n",
    "slashes and question marks": lambda n: b"GET http://a" + b"/?" * (n // 2) + b"# HTTP/1.1\r\nHost: a\r\n\r\n",
    "a long name": lambda n: HEAD + b"c" * n + b"\r\n\r\n",
    "a long value": lambda n: HEAD + b"X:" + b" \t" * (n // 2) + b"\x00\r\n\r\n",
    "a long cookie": lambda n: HEAD + b"Cookie: " + b"a; " * (n // 3) + b" \r\n\r\n",
    "many session IDs": lambda n: HEAD + b"Cookie: " + b"session_id=;" * (n // 12) + b"\r\n\r\n",
    "many codings": lambda n: HEAD + b"Transfer-Encoding: " + b"a ,\t" * (n // 4) + b"chunke\r\n\r\n",
    "many tokens": lambda n: HEAD + b"Connection: " + b"a," * (n // 2) + b"\r\n\r\n",
    "a long host": lambda n: b"GET / HTTP/1.1\r\nHost: " + b"a." * (n // 2) + b"/\r\n\r\n",
    "a host of colons": lambda n: b"GET / HTTP/1.1\r\nHost: [" + b":" * n + b"]\r\n\r\n",
    "a long number": lambda n: HEAD + b"Content-Length: " + b"0" * n + b"1\r\n\r\n",
    "many fields": lambda n: HEAD + b"c:\r\n" * (n // 4) + b"\r\n",
    "no end": lambda n: HEAD + b"c: d\r\n" * (n // 6),
    "a long reason": lambda n: b"HTTP/1.1 200 " + b" " * n + b"\x00\r\n\r\n",
    "a long age": lambda n: ANSWER + b"Session-Age: " + b"0 ." * (n // 3) + b"x\r\n\r\n",
    "alive for long": lambda n: ANSWER + b"Connection: keep-alive\r\nKeep-Alive:" + b" \t" * (n // 2) + b"\x00\r\n\r\n",
}
# Chunked bodies of about `n` bytes.
BODIES: dict[str, Callable[[int], bytes]] = {
    "small chunks": lambda n: b"1\r\na\r\n" * (n // 6) + b"0\r\n\r\n",
    "small chunks with extensions": lambda n: b"1;a\r\nb\r\n" * (n // 8) + b"0;\r\n\r\n",
    "a long extension": lambda n: b"1;" + b" ;" * (n // 2) + b"\x00\r\n",
    "blanks before an extension": lambda n: b"1" + b" \t" * (n // 2) + b"\x00\r\n",
    "trailers that end here": lambda n: b"0\r\n" + b"Host:\r\n" * (n // 7) + b"\r\n",
    "long names of trailers": lambda n: b"0\r\n" + b"x-forwarded-" * (n // 12) + b"\r\n",
}


def parse(raw: bytes) -> None:
    for reader in (
        quick_request,
        lambda raw: quick_response(raw, b"GET"),
        parse_request,
        lambda raw: parse_response(raw, b"GET"),
        lambda raw: refuse_hopeless(raw, 0),
    ):
        with suppress(Refused):
            reader(raw)


def chunked(raw: bytes) -> None:
    for decode in (False, True):
        with suppress(Refused):
            Chunked(decode).feed(raw)


def seconds(read: Callable[[bytes], None], raw: bytes) -> float:
    """The least CPU time of several tries, each repeated until it can be measured."""
    times = 1
    while (took := _timed(read, raw, times)) < 0.002:
        times *= 4
    return min([took, *(_timed(read, raw, times) for _ in range(4))]) / times


def _timed(read: Callable[[bytes], None], raw: bytes, times: int) -> float:
    begun = process_time()
    for _ in range(times):
        read(raw)
    return process_time() - begun


@pytest.mark.parametrize(
    ("read", "make"),
    [(parse, make) for make in HEADS.values()] + [(chunked, make) for make in BODIES.values()],
    ids=[*HEADS, *BODIES],
)
def test_work_grows_with_the_length(read: Callable[[bytes], None], make: Callable[[int], bytes]) -> None:
    """Sixteen times the length may take sixteen times as long; a quadratic reader would take 256 times."""
    growth = seconds(read, make(LARGE)) / seconds(read, make(SMALL))
    assert growth < 4 * LARGE / SMALL, f"{LARGE // SMALL} times the length takes {growth:.0f} times as long"


def test_a_chunked_body_holds_on_to_little_whatever_comes() -> None:
    """At most a line, or the trailers: a body without end costs no memory."""
    for name, make in BODIES.items():
        body, raw = body_of(CHUNKED), make(200_000)
        assert isinstance(body, Chunked)
        with suppress(Refused):
            for at in range(0, len(raw), 1000):
                body.feed(raw[at : at + 1000])
                assert len(body._held) <= 9000, name
                assert sum(map(len, body._trailers)) <= 9000, name


async def conversing(rng: Random, requests: Memory, responses: Memory, count: int) -> None:
    heard, said = requests.reply, responses.reply
    assert isinstance(heard, conversations.Backend)
    assert isinstance(said, answers.Backend)
    for number in range(count):
        raw = mutate.requests(rng)
        await conversations.check(requests, heard, raw, mutate.cut(rng, raw), conversations.Tally())
        method, raw = mutate.response(rng)
        said.pieces = [raw]
        await answers.check(responses, answers.Asked(method, number), raw, False, answers.Tally())
    heard.heard.clear()
    said.pieces = []


@pytest.mark.slow
def test_nothing_is_left_of_what_is_over() -> None:
    """The second thousand conversations leaves no more objects and bytes behind than the first."""

    async def measured() -> list[tuple[int, int]]:
        rng = Random(5)
        requests, responses = Memory(conversations.Backend()), Memory(answers.Backend())
        left = []
        for _ in range(3):
            await conversing(rng, requests, responses, 500)
            gc.collect()
            left.append((len(gc.get_objects()), tracemalloc.get_traced_memory()[0]))
        return left

    tracemalloc.start()
    try:
        with asyncio.Runner(loop_factory=MemoryLoop) as runner:
            _, (objects, size), (objects_later, size_later) = runner.run(measured())
    finally:
        tracemalloc.stop()
    assert objects_later - objects < 200
    assert size_later - size < 200_000
