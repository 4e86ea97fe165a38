"""Mutated answers through the balancer in memory: one answer to one request, and never to somebody else."""

import asyncio
from random import Random

import pytest

from tests.fuzz import findings
from tests.fuzz.answers import Asked, Backend, Tally, check, converse, strict
from tests.fuzz.memory import Memory, MemoryLoop
from tests.fuzz.seeds import RESPONSES


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
