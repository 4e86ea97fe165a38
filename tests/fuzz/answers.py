"""What a mutated answer of a backend leads to: what its client is told, and what the next client is told.

AssertionError: a finding.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

import h11

from balancer.bodies import body_of
from balancer.fields import Refused
from balancer.http1 import MAX_HEAD, UNTIL_CLOSE, parse_response
from balancer.interim import MOST_INTERIM
from balancer.quick import quick_response
from balancer.unfinished import refuse_hopeless_answer
from tests.fuzz import mutate
from tests.fuzz.memory import Memory, Talk
from tests.fuzz.readings import by_h11

OPTIONS: tuple[dict[str, Any], ...] = ({}, {"policy": "sticky_cookie"}, {"strip_session_headers": True})
"""What changes the heads of answers."""
MINE = b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: %d\r\n\r\n%b"

DATE = re.compile(rb"(?i)\r\ndate:")


@dataclass
class Answer:
    """How a backend's bytes read as an answer. `outcome`: it is 'whole'; 'refused', so that the client gets a 502;
    'broken' in its body, so that the client gets a 502 if that shows at once (`why` says what), and is cut off if some
    has gone on already; or it 'waits' for more."""

    outcome: str
    status: int = 502
    body: bytes = b""
    closes: bool = False
    """Its body ends with the connection."""
    reusable: bool = False
    """The connection to the backend may serve the next request: this answer was whole, and nothing came after it."""
    why: str = ""


@dataclass
class Tally:
    messages: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    differences: Counter[str] = field(default_factory=Counter)
    """Of the whole answers: why h11 will not have them; '' where it reads them as we do."""

    def __str__(self) -> str:
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.most_common())
        reasons = [f"{count:8} {reason or 'read alike by h11'}" for reason, count in self.differences.most_common()]
        return "\n".join([f"{self.messages} answers: {outcomes}", *reasons])


# Whole answers that h11 will not have, by the beginning of what it says, and why that is safe.
KNOWN = [
    ("illegal chunk header", "h11 takes no blank before an extension (RFC 9112 7.1.1); it ends here"),
    ("Only Transfer-Encoding: chunked is", "a trailer of this name: it ends here"),
    ("multiple Transfer-Encoding", "a trailer of this name: it ends here"),
    ("bad Content-Length", "a trailer of this name: it ends here"),
    ("conflicting Content-Length", "a trailer of this name: it ends here"),
]


class Backend:
    """Answers /mutated with the bytes at hand, and everything else with what was asked for."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def __call__(self, data: bytes) -> list[bytes] | None:
        reading = by_h11(data)
        if not reading.requests:
            return None
        (seen,) = reading.requests
        return self.pieces if seen.target == b"/mutated" else [MINE % (len(seen.target), seen.target)]


def strict(raw: bytes, method: bytes, ends: bool) -> Answer:
    """By the balancer's strict parsers, in one piece. `ends`: the connection ends after these bytes."""
    try:
        for _ in range(MOST_INTERIM + 1):
            end = raw.find(b"\r\n\r\n") + 4
            if end < 4 or end > MAX_HEAD:
                refuse_hopeless_answer(raw, 0)
                return Answer("refused" if ends or len(raw) > MAX_HEAD else "waits", why="no head")
            answer = parse_response(raw[:end], method)
            raw = raw[end:]
            if answer.status >= 200:
                break
            if answer.status == 101:
                return Answer("refused", why="101 unasked")
        else:
            return Answer("refused", why="too many interim answers")
    except Refused as refused:
        return Answer("refused", why=str(refused))
    try:
        body, content = body_of(answer.length, decode=True), b""
        if body is not None:
            content, raw = body.feed(raw)
    except Refused as refused:
        return Answer("broken", answer.status, why=str(refused))
    if answer.length == UNTIL_CLOSE:
        return Answer("whole" if ends else "waits", answer.status, content, closes=True)
    if body is not None and not body.done:
        return Answer("broken" if ends else "waits", answer.status)
    return Answer("whole", answer.status, content, reusable=answer.keep_alive and not raw)


def by_client(data: bytes, methods: list[bytes], ended: bool) -> tuple[list[tuple[int, bytes]], bytes]:
    """What h11 as a client makes of it: whole answers to these requests, and bytes that answer nothing.

    `ended`: the connection has ended after these bytes, in good order. Raises h11.RemoteProtocolError.
    """
    answers: list[tuple[int, bytes]] = []
    for method in methods:
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=64 * 1024)
        connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
        connection.send(h11.EndOfMessage())
        if data:  # without any, it would be the end
            connection.receive_data(data)
        if ended:
            connection.receive_data(b"")
        status, content = 0, b""
        while type(event := connection.next_event()) is not h11.EndOfMessage:
            if event is h11.NEED_DATA or event is h11.PAUSED or type(event) is h11.ConnectionClosed:
                return answers, b""
            if type(event) is h11.Response:
                status = event.status_code
            elif type(event) is h11.Data:
                content += event.data
        answers.append((status, content))
        data = connection.trailing_data[0]
        if not data:
            break
    return answers, data


@dataclass
class Asked:
    """A client's requests: twice for what is mutated, and once for something of its own."""

    method: bytes
    number: int
    pipelined: bool = True
    minor: int = 1

    @property
    def own(self) -> bytes:
        return b"/own-%d" % self.number

    def requests(self) -> list[bytes]:
        mutated = self.method + b" /mutated HTTP/1.%d\r\nHost: a\r\n\r\n" % self.minor
        pieces = [mutated, mutated, b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % self.own]
        return [b"".join(pieces)] if self.pipelined else pieces


async def converse(rng: Random, count: int, tally: Tally) -> None:
    backend = Backend()
    memories = [Memory(backend, options) for options in OPTIONS]
    for number in range(count):
        method, raw = mutate.response(rng)
        pieces = mutate.cut(rng, raw) if rng.random() < 0.5 else [raw]
        ends = rng.random() < 0.5
        backend.pieces = [*pieces, b""] if ends else pieces
        # Bytes that come after an answer, when the next request is out already, are an answer to that for all that a
        # proxy can know. So a client that asks for everything at once gets the mutated bytes at once, too.
        asked = Asked(method, number, pipelined=len(pieces) == 1, minor=int(rng.random() < 0.85))
        try:
            await check(memories[number % len(memories)], asked, raw, ends, tally)
        except Exception as problem:
            raise AssertionError(f"a finding: {method!r}, {backend.pieces!r}") from problem
    for memory in memories:
        assert not memory.balancer.clients
        assert not any(backend.in_flight for backend in memory.balancer.pool.backends)


async def check(memory: Memory, asked: Asked, raw: bytes, ends: bool, tally: Tally) -> None:
    """One client asks for it twice and then for something else; after that another client comes."""
    answer = strict(raw, asked.method, ends)
    quick = quick_response(raw, asked.method)
    assert quick is None or quick == parse_response(quick.raw, asked.method), "the short cut leads elsewhere"
    agree(answer, asked, await memory.talk(asked.requests()))
    target = b"/other-%d" % asked.number
    other = await memory.talk([b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target])
    assert by_client(other.answers, [b"GET"], False) == ([(200, target)], b""), "the next client got something else"

    tally.messages += 1
    tally.outcomes[answer.outcome] += 1
    if answer.outcome == "whole":
        reason = difference(answer, asked.method, raw, ends)
        tally.differences[reason] += 1


def difference(answer: Answer, method: bytes, raw: bytes, ends: bool) -> str:
    """Why h11 will not have this whole answer; '' when it reads the same."""
    try:
        answers, _ = by_client(raw, [method], ends)
    except h11.RemoteProtocolError as problem:
        said = str(problem)
        return next(reason for beginning, reason in KNOWN if said.startswith(beginning))
    assert answers == [(answer.status, answer.body)], "h11 reads it otherwise"
    return ""


def agree(answer: Answer, asked: Asked, talk: Talk) -> None:
    """The client has got what the backend's bytes mean, each answer once, and nothing else."""
    methods = [asked.method, asked.method, b"GET"]
    cut_off = answer.outcome == "broken"
    answers, rest = by_client(talk.answers, methods, talk.closed and not talk.aborted and not cut_off)
    assert rest == b"", "bytes that answer nothing"
    assert len(DATE.findall(talk.answers)) >= len(answers), "an answer without a Date"
    if not answer.reusable:
        for stream in talk.forwarded:
            targets = [seen.target for seen in by_h11(stream).requests]
            assert b"/mutated" not in targets[:-1], "a connection that cannot be trusted was used again"
    last = answer.closes or not asked.minor
    if answer.outcome == "whole":
        assert answers == [(answer.status, answer.body)] * (1 if last else 2) + [(200, asked.own)] * (not last)
        assert talk.closed == last
    elif answer.outcome == "refused" or (cut_off and answer.why and answers):  # nothing of it has gone on
        assert [status for status, _ in answers] == ([502, 502, 200] if asked.minor else [502])
        assert answers[2:] == [(200, asked.own)] * asked.minor
    else:
        assert answers == []
        assert talk.closed == cut_off
        assert not (talk.aborted and asked.minor), "who knows where an answer ends needs no reset"
