"""Plays the table of answers: a backend sends these bytes, and the client gets what they are worth."""

import asyncio
import re
from contextlib import suppress
from dataclasses import replace

import pytest

from balancer.fields import MAX_FIELDS
from tests.balancer.rig import DATE, OUR_DATE, PATIENCE, Line, Rig, Server, until
from tests.conformance.pieces import BYTES, CUTS, WHOLE, send
from tests.conformance.rows import BROKEN, INCOMPLETE, KEPT, TUNNEL, Response
from tests.conformance.table import RESPONSES

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
REPLY = b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 4\r\n\r\nnext"
INTERIM = rb"(?:HTTP/1\.1 1\d\d [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n)*"
FINAL = re.compile(INTERIM + rb"(HTTP/1\.1 [2-9]\d\d [^\r\n]*\r\n(?:[^\r\n]+\r\n)*)\r\n")
OURS = OUR_DATE.encode() + b"\r\n"
ROWS = [pytest.param(row, id=f"{chapter}: {row.why}") for chapter, rows in RESPONSES.items() for row in rows]


class Player(Server):
    """A backend that answers the row's requests with the row's bytes, and every other one properly."""

    def __init__(self, row: Response, how: str) -> None:
        super().__init__(self.play)
        self.row = row
        self.how = how
        self.played = 0
        """Answers of the row that have been sent, as far as the balancer took them."""
        self.next_on: list[int] = []
        """Which connection, in the order they were made, brought the next request."""

    async def play(self, line: Line) -> None:
        number = self.lines.index(line)
        while True:
            head = await line.until(b"\r\n\r\n")
            if head.startswith(b"GET /next "):
                self.next_on.append(number)
                line.send(REPLY)
                continue
            body = self.row.request.partition(b"\r\n\r\n")[2]
            await line.read(len(body))
            await send(line, self.row.sent, self.how)
            self.played += 1
            if self.row.ends and not line.writer.is_closing():
                with suppress(OSError):  # the balancer may have had enough
                    line.half_close()
            if self.row.after == TUNNEL:
                while data := await line.reader.read(1024):
                    line.send(data.upper())


@pytest.mark.parametrize(
    "how", [WHOLE, pytest.param(CUTS, marks=pytest.mark.slow), pytest.param(BYTES, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("row", ROWS)
async def test_an_answer(row: Response, how: str) -> None:
    """Then the same client asks again, or another one if this one's connection has ended."""
    if row.in_body and how == WHOLE:
        row = replace(row, got=None, after=KEPT)
    backend = Player(row, how)
    rig = await Rig.start(backend, fall=99)
    try:
        line = await rig.connect()
        line.send(row.request)
        if row.in_body and how != WHOLE and await refused_at_once(line):
            row = replace(row, got=None, after=KEPT)
        await judged(row, line)
        await connection_after(row, line)
        await until(lambda: row.after in (BROKEN, INCOMPLETE) or backend.played)
        assert rig.backend().counts.errors == row.blamed
        if row.after == TUNNEL:
            return
        await until(lambda: bool(rig.backend().idle) == row.reused)
        asking = line if row.after == KEPT else await rig.connect()
        asking.send(NEXT)
        assert await asking.read(len(REPLY)) == REPLY
        assert backend.next_on == [0 if row.reused else 1]
    finally:
        await rig.close()


async def refused_at_once(line: Line) -> bool:
    """Whether what is wrong came with the head: in some pieces, and whenever they travel together."""
    first = await line.read(len("HTTP/1.1 502"))
    line.reader._buffer[:0] = first
    return first.endswith(b" 502")


async def judged(row: Response, line: Line) -> None:
    if row.got is None:
        answer = await line.answer(bodyless=row.request.startswith(b"HEAD "))
        assert answer.status == 502
        assert f"Date: {answer['date']}" == OUR_DATE
        assert {name.lower() for name, _ in answer.fields} <= {
            "content-type", "content-length", "cache-control", "connection", "date"
        }  # fmt: skip
    elif row.after not in (BROKEN, INCOMPLETE):
        assert await received(line, row.got) == row.got


async def received(line: Line, got: bytes) -> bytes:
    """As much as this, without the Date that the balancer adds to a final head that has none (RFC 9110 6.6.1)."""
    final = FINAL.match(got)
    if final is None or dated(final[1]):
        return await line.read(len(got))
    raw = await line.read(len(got) + len(OURS))
    final = FINAL.match(raw)
    assert final is not None
    assert final[1].count(OURS) == 1
    return raw[: final.start(1)] + final[1].replace(OURS, b"") + raw[final.end(1) :]


def dated(head: bytes) -> bool:
    return b"\r\ndate:" in head.lower()


async def connection_after(row: Response, line: Line) -> None:
    if row.after == BROKEN:
        assert row.got is not None
        so_far: list[bytes] = []
        with pytest.raises(ConnectionError):
            await until_broken(line, so_far)
        assert row.got.startswith(b"".join(so_far).replace(OURS, b"", 1))
    elif row.after == INCOMPLETE:
        assert row.got is not None
        got = (await line.rest()).replace(OURS, b"", 1)
        assert got == row.got or (not row.ends and row.got.startswith(got))
    elif row.after == TUNNEL:
        line.send(NEXT)
        assert await line.read(len(NEXT)) == NEXT.upper()
    elif row.after != KEPT:
        await line.closed()


async def until_broken(line: Line, so_far: list[bytes]) -> None:
    async with asyncio.timeout(PATIENCE):
        while data := await line.reader.read(4096):
            so_far.append(data)


def with_date(raw: bytes) -> bytes:
    return re.sub(rb"(?m)^HTTP/1\.[01] [2-9].*\n", lambda start: start[0] + DATE.encode() + b"\r\n", raw, count=1)


@pytest.mark.parametrize("put_in", [False, True], ids=["as it is", "with a Date"])
@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.values[0].reused and row.values[0].after == KEPT],  # type: ignore[attr-defined]
)
async def test_an_answer_again(row: Response, put_in: bool) -> None:
    """Backends repeat themselves, and the balancer remembers what it has proven: that changes nothing.

    With a Date, most go to the client the short way; what has none has to get one.
    """
    assert row.got is not None
    if put_in and row.sent.count(b"\r\n") < MAX_FIELDS and not dated(row.sent):
        row = replace(row, sent=with_date(row.sent), got=with_date(row.got))
    assert row.got is not None
    backend = Player(row, WHOLE)
    rig = await Rig.start(backend)
    try:
        line = await rig.connect()
        for _ in range(3):
            line.send(row.request)
            assert await received(line, row.got) == row.got
            await rig.settled()
        if row.request[:4] != b"POST":  # which goes to a new connection rather than to one of which little is known
            assert len(backend.lines) == 1
        line.send(NEXT)
        assert await line.read(len(REPLY)) == REPLY
    finally:
        await rig.close()
