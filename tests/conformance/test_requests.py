"""Plays the table of requests: through the balancer, over real sockets, to a backend that writes down what it gets."""

import pytest

from tests.balancer.rig import OUR_DATE, Line, Rig, until
from tests.conformance.listener import Listener, without_ours
from tests.conformance.pieces import BYTES, CUTS, WHOLE, send
from tests.conformance.rows import KEPT, Request
from tests.conformance.table import REQUESTS

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
ROWS = [pytest.param(row, id=f"{chapter}: {row.why}") for chapter, rows in REQUESTS.items() for row in rows]


@pytest.mark.parametrize(
    "how", [WHOLE, pytest.param(CUTS, marks=pytest.mark.slow), pytest.param(BYTES, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("row", ROWS)
async def test_a_request(row: Request, how: str) -> None:
    """The next request of the client is sent with it: after KEPT it is served, otherwise it reaches nobody."""
    backend = Listener()
    rig = await Rig.start(backend)
    try:
        line = await rig.connect()
        if row.part or not row.answers:
            await cut_off(row, line, backend, how)
        else:
            await send(line, row.sent + NEXT, how)
            await answers(line, row)
        if row.after == KEPT:
            assert (await line.answer()).status == 200
        else:
            await line.closed()
            assert (await rig.ask(NEXT)).status == 200  # whatever had got through would have been heard before this
        await heard(row, backend, rig)
        if how == WHOLE and not row.part:
            assert backend.cut_short == []
        elif not row.reached and not row.in_body and not row.part:
            assert len(backend.lines) == 1  # nothing got through in pieces either
        assert rig.totals()["requests"] == len(row.answers) + 1
        assert rig.totals()["errors"] == 0  # it is no fault of the backend's
    finally:
        await rig.close()


async def answers(line: Line, row: Request) -> None:
    for at, status in enumerate(row.answers):
        asked = row.reached[at] if at < len(row.reached) else row.sent.removeprefix(b"\r\n")
        bodyless = asked.startswith(b"HEAD ")
        answer = await line.answer(bodyless)
        assert answer.status == status, answer.body
        if status != 200 or not row.reached:
            assert answer["connection"] == "close"
            assert f"Date: {answer['date']}" == OUR_DATE  # RFC 9110 section 6.6.1


async def heard(row: Request, backend: Listener, rig: Rig) -> None:
    """These requests, byte for byte, and the next one, and no other."""
    ours = "{}:{}".format(*rig.address).encode()
    expected = [reached.replace(b"<ours>", ours) for reached in row.reached]
    got = [without_ours(message.raw) for message in backend.heard]
    assert [raw for raw, _ in got] == [*expected, NEXT]
    if len(row.reached) == 1:
        spoken = "1.0" if b" HTTP/1.0\r\n" in row.sent else "1.1"
        assert got[0][1] == spoken


async def cut_off(row: Request, line: Line, backend: Listener, how: str) -> None:
    """The client ends its side once the backend has seen `part` of the request."""
    await send(line, row.sent, how)
    if row.part:
        await until(lambda: backend.records and seen(backend) == row.part)
    line.half_close()
    await line.closed()
    if row.part:
        await until(lambda: backend.cut_short)


def seen(backend: Listener) -> bytes:
    """What the backend has got so far, in so far as it can be compared."""
    unsaid = backend.records[0].unsaid
    return without_ours(unsaid)[0] if b"\r\n\r\n" in unsaid else unsaid


@pytest.mark.parametrize("row", [row for row in ROWS if row.values[0].after == KEPT])  # type: ignore[attr-defined]
async def test_a_request_again(row: Request) -> None:
    """Clients repeat themselves, and the balancer remembers what it has proven: that changes nothing."""
    backend = Listener()
    rig = await Rig.start(backend)
    try:
        line = await rig.connect()
        for _ in range(2):
            await send(line, row.sent, WHOLE)
            await answers(line, row)
        assert (await line.ask(NEXT)).status == 200
        assert [without_ours(message.raw)[0] for message in backend.heard] == [*row.reached * 2, NEXT]
    finally:
        await rig.close()


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.values[0].answers and b"\r\n\r\n" not in row.values[0].sent],  # type: ignore[attr-defined]
)
async def test_what_can_become_no_request_is_refused_at_once(row: Request) -> None:
    """Nobody waits for the rest of its head."""
    backend = Listener()
    rig = await Rig.start(backend)
    try:
        line = await rig.connect()
        line.send(row.sent)
        await answers(line, row)
        await line.closed()
        assert backend.lines == []
    finally:
        await rig.close()
