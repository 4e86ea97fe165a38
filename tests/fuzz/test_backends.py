"""Mutated requests through the balancer to real servers: each sees the requests that the balancer counts, no others."""

from collections import Counter
from pathlib import Path
from random import Random
from tempfile import mkdtemp

import pytest

from balancer.settings.config import parse_backend
from tests.balancer.rig import Line, Rig, until
from tests.fuzz import mutate
from tests.fuzz.backends import BACKENDS, MISSING, REFUSALS, Backend, Request
from tests.fuzz.readings import Reading, strict

BACKEND = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.skipif(MISSING.get(name, False), reason=f"no {name} here"))
        for name in BACKENDS
    ],
)


async def send(rig: Rig, raw: bytes, reading: Reading) -> list[int]:
    """One connection, on which all this is sent at once; the statuses of the answers. There must be one for each
    request, and one for what is refused, until one says that it is the last; and nothing after that."""
    line = await rig.connect()
    line.send(raw)
    methods = [seen.method for seen in reading.requests] + [b"GET"] * (reading.end == "refused")
    statuses, goes_on = [], True
    for method in methods:
        status, goes_on = await final(line, method == b"HEAD")
        statuses.append(status)
        if not goes_on:
            await line.closed()
            break
    assert goes_on == (reading.end == "all") or statuses[-1] in REFUSALS
    await line.hang_up()
    return statuses


async def final(line: Line, bodyless: bool) -> tuple[int, bool]:
    """The status of the next answer that is no 1xx, and whether there may be another; its body is read."""
    answer = await line.answer(bodyless=True)
    while answer.status < 200:
        answer = await line.answer(bodyless=True)
    if answer.all("connection") == ["close"]:
        await line.rest()  # who knows whether it was HEAD that has been refused
    elif not bodyless and answer.status not in (204, 304):
        if "transfer-encoding" in answer:
            await line.chunks()
        elif "content-length" in answer:
            await line.read(int(answer["content-length"]))
        else:
            await line.rest()
    return answer.status, answer.all("connection") != ["close"]


async def play(name: str, seed: int, count: int, folder: Path) -> None:
    rng = Random(seed)
    tally: Counter[str] = Counter()
    expected: list[Request] = []
    async with BACKENDS[name](folder) as backend:
        rig = await Rig.start(fall=1_000_000_000)
        rig.balancer.pool.add(parse_backend(f"a=127.0.0.1:{backend.port}"))
        try:
            for number in range(count):
                raw = mutate.requests(rng) + b"GET /marker/%d HTTP/1.1\r\nHost: a\r\n\r\n" % number
                reading = strict(raw)
                if reading.end == "waits" or not reading.requests:
                    tally["nothing to forward"] += 1
                    continue
                counted = rig.totals()["requests"]
                try:
                    statuses = await send(rig, raw, reading)
                    assert rig.totals()["requests"] - counted == len(statuses)
                except Exception as problem:
                    raise AssertionError(f"a finding: {raw!r}") from problem
                for status, seen in zip(statuses, reading.requests, strict=False):
                    tally[f"answered with {status}"] += 1
                    if status not in REFUSALS:
                        expected.append((seen.method, seen.target, seen.body))
            await compare(backend, expected)
        finally:
            await rig.close()
    print(f"{name}, {count} messages: {dict(tally)}")
    assert tally["answered with 200"] > 0.4 * count, "too little arrives to prove anything"


async def compare(backend: Backend, expected: list[Request]) -> None:
    """The last of the requests is a marker or comes after one; a server that saw more would have told of it before."""
    await until(lambda: len(backend.seen()) >= len(expected))
    seen = backend.seen()
    for number, (here, there) in enumerate(zip(expected, seen, strict=False)):
        assert here == there, f"one thing here, another there, after {expected[max(0, number - 3) : number]}"
    assert len(seen) == len(expected)


@BACKEND
async def test_a_hundred_messages(name: str, short_folder: Path) -> None:
    await play(name, seed=1, count=100, folder=Path(mkdtemp(dir=short_folder)))


@pytest.mark.slow
@BACKEND
async def test_thousands_of_messages(name: str, short_folder: Path) -> None:
    await play(name, seed=2, count=10_000, folder=Path(mkdtemp(dir=short_folder)))
