"""What could be read in two ways goes nowhere: refused requests reach no backend, refused answers no client."""

import asyncio

import pytest

from balancer.http1 import MAX_HEAD
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Message, Rig, Server, get, ok, until
from tests.balancer.test_http1 import REFUSED

SMUGGLED = get("/smuggled")

ON_THE_WIRE = {
    **REFUSED,
    "bare line feeds": (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    "a bare line feed at the end": (400, b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "a target without end": (414, get("/" + "x" * 2 * MAX_HEAD)),
    "a head that is too long": (431, get("/", "A: " + "x" * MAX_HEAD)),
    "a target that is too long": (414, get("/" + "x" * MAX_HEAD)),
    "a head without end": (431, b"GET / HTTP/1.1\r\nA: " + b"x" * 2 * MAX_HEAD),
    "fields without end": (431, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10_000),
}


@pytest.mark.parametrize(("status", "raw"), ON_THE_WIRE.values(), ids=ON_THE_WIRE.keys())
async def test_a_refused_request_reaches_no_backend(rig: Rig, status: int, raw: bytes) -> None:
    """Neither does what is sent after it, which it might have hidden; and the answer is not lost to a reset."""
    line = await rig.connect()
    line.send(raw + SMUGGLED)
    answer = await line.answer()
    assert answer.status == status
    assert answer["connection"] == "close"
    await line.closed()
    assert rig.servers["a"].lines == []
    assert rig.totals()["requests"] == 1


@pytest.mark.parametrize("step", [1, 5])
@pytest.mark.parametrize(
    "name", ["both framings", "two Hosts", "a space before the colon", "folded", "a length in disguise"]
)
async def test_in_pieces_it_is_refused_as_well(rig: Rig, name: str, step: int) -> None:
    status, raw = REFUSED[name]
    line = await rig.connect()
    for at in range(0, len(raw), step):
        line.send(raw[at : at + step])
        await asyncio.sleep(0)
    assert (await line.answer()).status == status
    assert rig.servers["a"].lines == []


async def test_good_requests_before_a_bad_one_are_answered(rig: Rig) -> None:
    line = await rig.connect()
    line.send(get("/1") + get("/2") + b"GET /3 HTTP/1.1\r\n\r\n" + get("/4"))
    assert [(await line.answer()).status for _ in range(3)] == [200, 200, 400]
    await line.closed()
    assert [message.start for message in rig.servers["a"].heard] == ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1"]


BAD_CHUNKS = {
    "no size": b"\r\n\r\n",
    "no hexadecimal size": b"g\r\n",
    "a negative size": b"-1\r\n",
    "a size with 0x": b"0x1\r\na\r\n",
    "an enormous size": b"f" * 17 + b"\r\n",
    "a size ended by a bare line feed": b"1\na\r\n0\r\n\r\n",
    "a size ended by a bare return": b"1\ra\r\n",
    "a blank before the size": b" 1\r\na\r\n",
    "a bare line feed in an extension": b"1;a\nb\r\na\r\n0\r\n\r\n",
    "a chunk longer than its size": b"1\r\nab\r\n0\r\n\r\n",
    "a chunk ended by a bare line feed": b"1\r\na\n0\r\n\r\n",
    "a trailer that is none": b"0\r\nno colon\r\n\r\n",
    "a folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
    "extensions without end": b"1;" + b"x" * 10_000,
    "trailers without end": b"0\r\n" + b"A: b\r\n" * 10_000,
}


@pytest.mark.parametrize("together", [True, False], ids=["with the head", "later"])
@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
async def test_a_malformed_body_is_no_whole_request_to_the_backend(start: Start, body: bytes, together: bool) -> None:
    async def script(line: Line) -> None:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            whole.append(await line.message())

    whole: list[Message] = []
    rig = await start(Server(script))
    line = await rig.connect()
    head = get("/", "Transfer-Encoding: chunked", method="POST")
    line.send(head + body + SMUGGLED if together else head)
    if not together:
        await until(lambda: rig.servers["a"].lines)
        line.send(body + SMUGGLED)
    answer = await line.answer()
    assert answer.status in (400, 431)
    await line.closed()
    assert whole == []
    assert len(rig.servers["a"].lines) <= 1
    assert rig.backend().in_flight == 0
    assert rig.backend().healthy


BAD_ANSWERS = {
    "no HTTP": b"220 mail.test ESMTP\r\n\r\n",
    "another version": b"HTTP/2.0 200 OK\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "a status out of range": b"HTTP/1.1 600 No\r\n\r\n",
    "a field without a colon": b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n",
    "a folded field": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "a bare line feed in a field": b"HTTP/1.1 200 OK\r\nA: b\nSet-Cookie: c=d\r\nContent-Length: 0\r\n\r\n",
    "a NUL": b"HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 0\r\n\r\n",
    "both framings": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\nhello",
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
    "an unknown transfer coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks in 204": b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 10_000,
    "an endless line": b"HTTP/1.1 200 " + b"x" * 100_000,
    "too many fields": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"Content-Length: 0\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
}


@pytest.mark.parametrize("raw", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
async def test_a_bad_answer_becomes_502(start: Start, raw: bytes) -> None:
    async def script(line: Line) -> None:
        await line.message()
        line.send(raw)
        line.half_close()
        await line.closed()

    rig = await start(Server(script), fall=99)
    line = await rig.connect()
    answer = await line.ask(get(method="POST"))
    assert answer.status == 502
    assert b"Set-Cookie" not in answer.raw
    assert rig.backend().idle == []  # nobody else gets what may still come
    assert rig.backend().counts.errors == 1
    assert (await line.ask(get(method="POST"))).status == 502  # the client did nothing wrong, and may go on


async def test_an_answer_of_which_nothing_can_be_passed_on_counts_as_none(start: Start) -> None:
    """Its head says that a user was logged out: nobody has heard it, and so nobody may read it in the figures."""

    async def script(line: Line) -> None:
        await line.message()
        line.send(
            b"HTTP/1.1 200 OK\r\nSession-Outcome: unknown\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"
        )
        await line.closed()

    rig = await start(Server(script))
    line = await rig.connect()
    assert (await line.ask(get("/", "Cookie: session_id=sess_1"))).status == 502
    totals = rig.totals()
    assert (totals["statuses"], totals["logged_out"], totals["errors"]) == ({"5xx": 1}, 0, 1)
    assert (await line.ask(get("/again"))).status == 502  # the client did nothing wrong, and may go on


async def test_a_malformed_chunk_in_an_answer_breaks_it_off(start: Start) -> None:
    """Half of it is delivered already: an end without the last chunk tells the client that the rest is missing."""

    async def script(line: Line) -> None:
        await line.message()
        line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await line.flush()
        await go.wait()
        line.send(b"nonsense\r\n")
        await line.closed()

    go = asyncio.Event()
    rig = await start(Server(script))
    line = await rig.connect()
    line.send(get())
    await line.until(b"abc\r\n")
    go.set()
    assert await line.rest() == b""
    assert rig.backend().counts.errors == 1
    assert rig.backend().idle == []


async def test_204_and_1xx_announce_no_body(start: Start) -> None:
    """RFC 9110 section 8.6: a length there would make a client wait for, or misread, what follows."""

    async def script(line: Line) -> None:
        await line.message()
        line.send(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n")
        line.send(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n")
        await line.message()
        line.send(ok(b"next"))
        await line.rest()

    rig = await start(Server(script))
    line = await rig.connect()
    first = await line.ask(get(), bodyless=True)
    second = await line.answer(bodyless=True)
    assert (first.status, second.status) == (103, 204)
    assert "content-length" not in first
    assert "content-length" not in second
    assert (await line.ask(get())).body == b"next"
