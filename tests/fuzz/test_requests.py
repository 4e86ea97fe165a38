"""Mutated requests through the balancer in memory: one reading, however they are cut and whoever reads them."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from balancer.proxy_protocol import Header, Malformed, parse_header
from tests.fuzz import findings, mutate
from tests.fuzz.conversations import Backend, Tally, check, converse
from tests.fuzz.llhttp import NODE, Llhttp, llhttp
from tests.fuzz.memory import Memory, MemoryLoop
from tests.fuzz.readings import strict
from tests.fuzz.seeds import REQUESTS


@pytest.fixture(scope="module")
def second_reader() -> Iterator[Llhttp]:
    if NODE is None:
        pytest.skip("no node here (Debian: apt install nodejs)")
    with llhttp() as reader:
        yield reader


def play(seed: int, count: int, reader: Llhttp | None = None) -> Tally:
    tally = Tally()
    with asyncio.Runner(loop_factory=MemoryLoop) as runner:
        runner.run(converse(Random(seed), count, tally, reader))
    print(f"seed {seed}: {tally}")
    assert tally.messages == count
    assert tally.accepted > 0.2 * count, "too little is accepted to prove anything"
    assert tally.refused > 0.2 * count, "too little is refused to prove anything"
    return tally


def test_a_few_thousand_requests_as_h11_reads_them() -> None:
    tally = play(seed=0, count=3000)
    assert tally.compared["sent, h11"] > 600


def test_a_few_thousand_requests_as_llhttp_reads_them(second_reader: Llhttp) -> None:
    tally = play(seed=1, count=2000, reader=second_reader)
    assert tally.compared["forwarded, llhttp"] > 400


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 14))
def test_two_hundred_thousand_requests(seed: int, second_reader: Llhttp) -> None:
    """Four times fifty thousand, so that they can run side by side."""
    tally = play(seed, count=50_000, reader=second_reader)
    assert tally.compared["sent, h11"] > 10_000
    assert tally.compared["sent, llhttp"] > 10_000
    assert tally.compared["forwarded, llhttp"] > 10_000


def judge(raw: bytes, cuts: list[list[bytes]]) -> None:
    async def judging() -> None:
        backend = Backend()
        memory = Memory(backend)
        for pieces in cuts:
            await check(memory, backend, raw, pieces, Tally())

    with asyncio.Runner(loop_factory=MemoryLoop) as runner:
        runner.run(judging())


def every_cut(raw: bytes) -> list[list[bytes]]:
    return [[raw[:at], raw[at:]] for at in range(1, len(raw))] + [[raw[at : at + 1] for at in range(len(raw))]]


@pytest.mark.parametrize(("raw", "targets", "end"), findings.REQUESTS.values(), ids=findings.REQUESTS.keys())
def test_what_was_found_stays_found(raw: bytes, targets: list[bytes], end: str) -> None:
    reading = strict(raw)
    assert ([seen.target for seen in reading.requests], reading.end) == (targets, end)
    judge(raw, every_cut(raw))


@pytest.mark.parametrize("raw", REQUESTS, ids=range(len(REQUESTS)))
def test_each_seed_is_good_by_itself_and_cut_anywhere(raw: bytes) -> None:
    assert len(strict(raw).requests) == 1
    judge(raw, every_cut(raw)[::5])


def test_a_proxy_header_is_whole_at_one_byte_and_not_before() -> None:
    """It is read, or refused, whatever comes; and each of its beginnings is waited for or refused."""
    rng, outcomes = Random(3), Counter[str]()
    for _ in range(5000):
        raw = mutate.proxy_header(rng)
        header = parse_proxy(raw)
        outcomes[type(header).__name__] += 1
        for at in range(len(raw)):
            begun = parse_proxy(raw[:at])
            assert begun is None or begun == header or isinstance(header, Malformed)
            if isinstance(header, Header) and at < header.size:
                assert begun is None
    assert min(outcomes[kind] for kind in ("Header", "Malformed", "NoneType")) > 200, outcomes


def parse_proxy(raw: bytes) -> Header | Malformed | None:
    try:
        return parse_header(raw)
    except Malformed as problem:
        return problem
