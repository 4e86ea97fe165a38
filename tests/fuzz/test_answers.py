"""Mutated answers through the balancer in memory: one answer to one request, and never to somebody else."""

import asyncio
import re
from random import Random

import pytest

from balancer.fields import Refused
from balancer.http1 import parse_response
from tests.fuzz import findings, mutate
from tests.fuzz.answers import Asked, Backend, Tally, by_client, check, converse, strict
from tests.fuzz.memory import Memory, MemoryLoop
from tests.fuzz.seeds import RESPONSES, UPGRADES


def play(seed: int, count: int) -> Tally:
    tally = Tally()
    with asyncio.Runner(loop_factory=MemoryLoop) as runner:
        runner.run(converse(Random(seed), count, tally))
    print(f"seed {seed}: {tally}")
    assert tally.messages == count
    assert tally.outcomes["whole"] > 0.2 * count, "too little is accepted to prove anything"
    assert tally.outcomes["refused"] > 0.2 * count, "too little is refused to prove anything"
    assert tally.differences[""] > 0.2 * count
    return tally


def test_a_few_thousand_answers() -> None:
    play(seed=0, count=2000)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 14))
def test_sixty_thousand_answers(seed: int) -> None:
    play(seed, count=15_000)


def judge(method: bytes, raw: bytes, ends: bool, cuts: list[list[bytes]]) -> None:
    async def judging() -> None:
        backend = Backend()
        memory = Memory(backend)
        for number, pieces in enumerate(cuts):
            backend.pieces = [*pieces, b""] if ends else pieces
            await check(memory, Asked(method, number, pipelined=len(pieces) == 1), raw, ends, Tally())

    with asyncio.Runner(loop_factory=MemoryLoop) as runner:
        runner.run(judging())


def every_cut(raw: bytes) -> list[list[bytes]]:
    return [[raw], *([raw[:at], raw[at:]] for at in range(1, len(raw)))]


@pytest.mark.parametrize(("method", "raw", "ends", "outcome"), findings.ANSWERS.values(), ids=findings.ANSWERS.keys())
def test_what_was_found_stays_found(method: bytes, raw: bytes, ends: bool, outcome: str) -> None:
    assert strict(raw, method, ends).outcome == outcome
    judge(method, raw, ends, every_cut(raw))


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize(("method", "raw"), RESPONSES, ids=range(len(RESPONSES)))
def test_each_seed_cut_anywhere(method: bytes, raw: bytes, ends: bool) -> None:
    judge(method, raw, ends, every_cut(raw)[::5])


# Maybe after other 1xx answers.
SWITCHED = re.compile(rb"(?:HTTP/1\.1 1(?!01)\d\d [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n)*HTTP/1\.1 101 ")
FRAME = b"\x81\x00GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def tunnel(raw: bytes) -> bytes | None:
    """What a backend sends in a tunnel that these bytes open, by the strict parser; None: they open none."""
    try:
        while (end := raw.find(b"\r\n\r\n") + 4) >= 4:
            answer = parse_response(raw[:end], b"GET")
            raw = raw[end:]
            if answer.status >= 200:
                break
            if answer.status == 101:
                return raw if answer.upgrade.lower() == b"websocket" else None
    except Refused:
        pass
    return None


async def upgrades(rng: Random, count: int) -> int:
    """How many led to a tunnel."""
    backend, opened = Backend(), 0
    memory = Memory(backend)
    asks = b"GET /mutated HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    for number in range(count):
        _, raw = mutate.response(rng, UPGRADES)
        backend.pieces = [raw]
        talk = await memory.talk([asks, FRAME])
        passed = tunnel(raw)
        assert any(stream.endswith(FRAME) for stream in talk.forwarded) == (passed is not None), raw
        if passed is not None:
            opened += 1
            assert SWITCHED.match(talk.answers)
            assert talk.answers.endswith(b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + passed), raw
        else:
            assert not SWITCHED.match(talk.answers), raw
        target = b"/other-%d" % number
        other = await memory.talk([b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target])
        assert by_client(other.answers, [b"GET"], False) == ([(200, target)], b""), raw
    return opened


def test_a_tunnel_only_where_both_sides_want_it() -> None:
    """Elsewhere the client's bytes go on being requests; and a connection that was a tunnel serves nobody else."""
    with asyncio.Runner(loop_factory=MemoryLoop) as runner:
        opened = runner.run(upgrades(Random(4), 2000))
    assert 200 < opened < 1600
