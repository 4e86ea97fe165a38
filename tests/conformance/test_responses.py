"""Plays the table of answers: a backend sends these bytes, and the client gets what they are worth."""

import asyncio
from contextlib import suppress

import pytest

from tests.balancer.rig import PATIENCE, Line, Rig, Server, until
from tests.conformance.pieces import BYTES, CUTS, WHOLE, send
from tests.conformance.rows import BROKEN, KEPT, TUNNEL, Response
from tests.conformance.table import RESPONSES

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext"
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
    backend = Player(row, how)
    rig = await Rig.start(backend, fall=99)
    try:
        line = await rig.connect()
        line.send(row.request)
        await judged(row, line)
        await connection_after(row, line)
        await until(lambda: row.after == BROKEN or backend.played)
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


async def judged(row: Response, line: Line) -> None:
    if row.got is None:
        answer = await line.answer(bodyless=row.request.startswith(b"HEAD "))
        assert answer.status == 502
        assert {name.lower() for name, _ in answer.fields} <= {
            "content-type", "content-length", "cache-control", "connection", "date"
        }  # fmt: skip
    elif row.after != BROKEN:
        assert await line.read(len(row.got)) == row.got


async def connection_after(row: Response, line: Line) -> None:
    if row.after == BROKEN:
        assert row.got is not None
        so_far: list[bytes] = []
        with pytest.raises(ConnectionError):
            await until_broken(line, so_far)
        assert row.got.startswith(b"".join(so_far))
    elif row.after == TUNNEL:
        line.send(NEXT)
        assert await line.read(len(NEXT)) == NEXT.upper()
    elif row.after != KEPT:
        await line.closed()


async def until_broken(line: Line, so_far: list[bytes]) -> None:
    async with asyncio.timeout(PATIENCE):
        while data := await line.reader.read(4096):
            so_far.append(data)


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.values[0].reused and row.values[0].after == KEPT],  # type: ignore[attr-defined]
)
async def test_an_answer_again(row: Response) -> None:
    """Backends repeat themselves, and the balancer remembers what it has proven: that changes nothing."""
    assert row.got is not None
    backend = Player(row, WHOLE)
    rig = await Rig.start(backend)
    try:
        line = await rig.connect()
        for _ in range(3):
            line.send(row.request)
            assert await line.read(len(row.got)) == row.got
            await rig.settled()
        if row.request[:4] != b"POST":  # which goes to a new connection rather than to one of which little is known
            assert len(backend.lines) == 1
        line.send(NEXT)
        assert await line.read(len(REPLY)) == REPLY
    finally:
        await rig.close()
