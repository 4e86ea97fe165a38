"""What a mutated stream of requests leads to, judged from every side. AssertionError: a finding."""

import re
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from balancer.http1 import parse_request
from balancer.quick import quick_request
from tests.fuzz import mutate
from tests.fuzz.differences import difference
from tests.fuzz.llhttp import Llhttp
from tests.fuzz.memory import LOCAL, Memory, Talk
from tests.fuzz.readings import Reading, Seen, by_h11, strict

OK = b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 0\r\n\r\n"
BATCH = 500
_ANSWER = re.compile(
    rb"HTTP/1\.1 ([0-9]{3}) [^\r\n]+\r\n(?:[^\r\n]+\r\n)*?Content-Length: ([0-9]+)\r\n(?:[^\r\n]+\r\n)*\r\n"
)


class Backend:
    """A server whose eyes are h11's: it answers each request that h11 sees."""

    def __init__(self) -> None:
        self.heard: list[Seen] = []

    def __call__(self, data: bytes) -> list[bytes] | None:
        reading = by_h11(data)
        assert reading.end in ("all", "waits"), f"h11 will not have what was forwarded: {reading.why}"
        self.heard += reading.requests
        return [OK] * len(reading.requests) or None


@dataclass
class Tally:
    messages: int = 0
    refused: int = 0
    unfinished: int = 0
    accepted: int = 0
    """Messages of which at least one request was forwarded."""
    requests: int = 0
    """Whole requests forwarded."""
    compared: Counter[str] = field(default_factory=Counter)
    """Streams that each reader has read as we do."""
    differences: Counter[str] = field(default_factory=Counter)
    """The reasons for which a reader stopped earlier."""

    def __str__(self) -> str:
        lines = [
            f"{self.messages} messages: {self.accepted} with {self.requests} requests forwarded, "
            f"{self.refused} refused, {self.unfinished} unfinished",
            *(f"read alike by {reader}: {count}" for reader, count in sorted(self.compared.items())),
            *(f"{count:8} stopped earlier: {reason}" for reason, count in self.differences.most_common()),
        ]
        return "\n".join(lines)


async def converse(rng: Random, count: int, tally: Tally, llhttp: Llhttp | None = None) -> None:
    """`count` mutated streams, each judged by `check`; those with requests in them by llhttp as well."""
    backend = Backend()
    memory = Memory(backend)
    read: list[tuple[bytes, Reading, Talk]] = []
    for _ in range(count):
        raw = mutate.requests(rng)
        pieces = mutate.cut(rng, raw)
        try:
            reading, talk = await check(memory, backend, raw, pieces, tally)
        except Exception as problem:
            raise AssertionError(f"a finding: {pieces!r} = {raw!r}") from problem
        if llhttp is not None and reading.requests:
            read.append((raw, reading, talk))
            if len(read) == BATCH:
                ask_llhttp(llhttp, read, tally)
                read.clear()
    if llhttp is not None:
        ask_llhttp(llhttp, read, tally)


async def check(
    memory: Memory, backend: Backend, raw: bytes, pieces: list[bytes], tally: Tally
) -> tuple[Reading, Talk]:
    """One stream, in one piece and in these: what the strict parsers read in it is what the backend hears."""
    reading = strict(raw)
    quick = quick_request(raw)
    assert quick is None or quick == parse_request(quick.raw), "the short cut leads elsewhere"
    backend.heard.clear()
    talk = await memory.talk([raw])
    heard, statuses = list(backend.heard), answered(talk.answers)
    assert [alike(seen) for seen in heard] == [alike(seen) for seen in reading.requests], heard
    agree(reading, talk, statuses)

    backend.heard.clear()
    in_pieces = await memory.talk(pieces, hasty=tally.messages % 2 == 1)
    assert backend.heard == heard, "cut into pieces, it is something else"
    agree(reading, in_pieces, answered(in_pieces.answers))

    tally.messages += 1
    tally.requests += len(heard)
    tally.accepted += bool(heard)
    tally.refused += reading.end == "refused"
    tally.unfinished += reading.end == "waits"
    if heard:
        noted(tally, reading.requests, "sent", "h11", by_h11(raw))
    return reading, talk


def alike(seen: Seen) -> tuple[bytes, bytes, bytes, bytes]:
    """Hosts are the same in either case; without one (HTTP/1.0) the balancer names itself."""
    return seen.method, seen.target, seen.host.lower() or b"%s:%d" % LOCAL, seen.body


def agree(reading: Reading, talk: Talk, statuses: list[int]) -> None:
    """What the client is told agrees with what was read; nothing is held of requests that are over."""
    good = len(reading.requests)
    assert statuses[:good] == [200] * good
    refusals = statuses[good:]
    assert len(refusals) <= 1
    assert all(status in (200, 400, 405, 413, 414, 417, 431, 501, 505) for status in refusals), refusals
    assert talk.counted == len(statuses)
    assert not talk.aborted
    if reading.end == "refused":
        assert refusals
    elif reading.end in ("all", "last"):
        assert not refusals
    assert talk.closed == bool(refusals or reading.end == "last")


def answered(data: bytes) -> list[int]:
    """The statuses of what a client got. (The last one's body may be missing: an answer to HEAD has none.)"""
    statuses, at = [], 0
    while at < len(data):
        match = _ANSWER.match(data, at)
        assert match is not None, data[at:]
        statuses.append(int(match[1]))
        at = min(match.end() + int(match[2]), len(data))
    return statuses


def noted(tally: Tally, ours: list[Seen], what: str, reader: str, theirs: Reading) -> None:
    reason = difference(ours, what, reader, theirs)
    if reason is None:
        tally.compared[f"{what}, {reader}"] += 1
    else:
        tally.differences[f"{what}, {reader}: {reason}"] += 1


def ask_llhttp(llhttp: Llhttp, read: list[tuple[bytes, Reading, Talk]], tally: Tally) -> None:
    """What the client has sent, and what was forwarded on each connection to the backend.

    Not what was sent with an upgrade: llhttp reads no HTTP after any, and even an upgrade's body only at times. What
    was forwarded is read there as well; upgrades that are none for us go on without the field.
    """
    streams = [(raw, "sent", raw, reading.requests) for raw, reading, _ in read if b"\nupgrade:" not in raw.lower()]
    for raw, _, talk in read:
        streams += [(raw, "forwarded", stream, by_h11(stream).requests) for stream in talk.forwarded]
    readings = llhttp.read([stream for _, _, stream, _ in streams])
    for (raw, what, stream, ours), theirs in zip(streams, readings, strict=True):
        try:
            noted(tally, ours, what, "llhttp", theirs)
            if what == "forwarded":
                assert len(theirs.requests) <= len(ours), "two requests there, one here"
        except AssertionError as problem:
            raise AssertionError(f"a finding: {raw!r}, {what} {stream!r}") from problem
