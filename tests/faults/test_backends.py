"""Backends that fail, one by one: what the client saw, how many requests reached a backend, what was counted, and how
many requests it took until nobody was sent there any more. Time is the rig's clock."""

import asyncio
import contextlib
from dataclasses import dataclass

import pytest

from balancer import health
from balancer.state import SWEEP
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Rig, Script, Server, get, ok, turns, until
from tests.faults.conftest import black_hole

TIMEOUT = 5.0
GET, POST = get("/"), get("/", "Content-Length: 4", method="POST") + b"body"
RESET, CLOSE, STALL = "reset", "close", "stall"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\n"


@dataclass(frozen=True)
class Case:
    """A backend takes a request, sends `sends`, and ends as `ends` says; another one would serve."""

    sends: bytes
    ends: str
    get: str
    """What the client saw: a status, or a connection that was broken off."""
    post: str
    reached: int = 1
    """Backends that a GET reached; a POST never reaches more than one."""
    errors: int = 1


CASES = {
    "reset before the head": Case(b"", RESET, "200", "502", reached=2),
    "closed before the head": Case(b"", CLOSE, "200", "502", reached=2),
    "reset in the head": Case(HEAD[:25], RESET, "502", "502"),
    "closed in the head": Case(HEAD[:25], CLOSE, "502", "502"),
    "reset after the head": Case(HEAD, RESET, "broken", "broken"),
    "closed after the head": Case(HEAD, CLOSE, "broken", "broken"),
    "half a body, reset": Case(HEAD + b"hello", RESET, "broken", "broken"),
    "half a body, closed": Case(HEAD + b"hello", CLOSE, "broken", "broken"),
    "half a chunk, closed": Case(CHUNKED + b"5\r\nhel", CLOSE, "broken", "broken"),
    "no last chunk, closed": Case(CHUNKED + b"5\r\nhello\r\n", CLOSE, "broken", "broken"),
    "a body of no length, reset": Case(UNTIL_CLOSE + b"hello", RESET, "broken", "broken"),
    "a body of no length, closed": Case(UNTIL_CLOSE + b"hello", CLOSE, "200", "200", errors=0),
    "reset after the answer": Case(ok(), RESET, "200", "200", errors=0),
    "closed after the answer": Case(ok(), CLOSE, "200", "200", errors=0),
    "another answer after the answer": Case(ok() + ok(b"smuggled"), STALL, "200", "200", errors=0),
    "garbage": Case(b"\x16\x03\x01\x02\x00" * 20, STALL, "502", "502"),
    "garbage without end": Case(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, STALL, "502", "502"),
    "garbage where a chunk should be": Case(CHUNKED + b"5\r\nhello\r\nxyz\r\n", STALL, "502", "502"),
    "nothing": Case(b"", STALL, "504", "504"),
    "stalls in the head": Case(HEAD[:25], STALL, "504", "504"),
    "stalls after the head": Case(HEAD, STALL, "broken", "broken"),
    "stalls in the body": Case(HEAD + b"hello", STALL, "broken", "broken"),
    "stalls in a chunk": Case(CHUNKED + b"5\r\nhel", STALL, "broken", "broken"),
}


def script_of(case: Case, reached: list[bytes]) -> Script:
    async def script(line: Line) -> None:
        reached.append((await line.message()).raw)
        with contextlib.suppress(ConnectionError):
            line.send(case.sends)
            await line.flush()
            if case.ends == RESET:
                line.abort()
            elif case.ends == STALL:
                await line.rest()

    return script


async def seen(line: Line) -> str:
    """What a client gets: the status of a whole answer, or a connection that visibly broke."""
    try:
        return str((await line.answer()).status)
    except (ConnectionError, asyncio.IncompleteReadError):
        return "broken"


@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_a_backend_that_fails(start: Start, case: Case, request_: bytes) -> None:
    """A stall is over within the response timeout and two sweeps; after `fall` (1) failures nobody is sent there."""
    reached: list[bytes] = []
    rig = await start(Server(script_of(case, reached)), Server(), response_timeout=TIMEOUT, fall=1)
    a, b = rig.backend("a"), rig.backend("b")
    line = await rig.connect()
    line.send(request_)
    answer = asyncio.create_task(seen(line))
    if case.ends == STALL:
        await until(lambda: reached)
        await settle_reading(rig, case)
        rig.pass_time(TIMEOUT - 2 * SWEEP)
        assert a.in_flight == (1 if stalls(case) else 0)
        rig.pass_time(4 * SWEEP)
    is_get = request_ is GET
    assert await answer == (case.get if is_get else case.post)
    await rig.settled()
    heard = rig.servers["b"].heard
    assert len(reached) + len(heard) == (case.reached if is_get else 1)
    assert (a.counts.errors, b.counts.errors) == (case.errors, 0)
    assert rig.totals()["retried"] == (case.reached - 1 if is_get else 0)
    assert (a.in_flight, b.in_flight, len(rig.balancer.tasks)) == (0, 0, 0)
    assert a.healthy is (case.errors == 0)
    if case.errors:
        before = len(heard)
        for _ in range(4):
            assert (await rig.ask(POST)).status == 200
        assert (len(reached), len(heard)) == (1, before + 4)


def stalls(case: Case) -> bool:
    return case.ends == STALL and (case.get == "504" or case.sends in (HEAD, HEAD + b"hello", CHUNKED + b"5\r\nhel"))


async def settle_reading(rig: Rig, case: Case) -> None:
    """Return once the balancer has read what the backend has sent."""
    if not stalls(case):
        await rig.settled()
    elif case.sends:
        (client,) = rig.balancer.clients
        await until(lambda: client.exchange is None or client.exchange.held or client.exchange.answer)


@pytest.mark.parametrize("half", [HEAD + b"hello", CHUNKED + b"5\r\nhel", CHUNKED + b"5\r\nhello\r\nx"])
async def test_whose_answers_break_off_is_taken_out(start: Start, half: bytes) -> None:
    """After `fall` (2) in a row; a whole one in between begins anew."""
    answers = [half, ok(), half, half]

    async def script(line: Line) -> None:
        await line.message()
        line.send(answers.pop(0))
        await line.flush()
        line.writer.close()

    rig = await start(Server(script), fall=2)
    errors = []
    while answers:
        assert rig.backend().healthy
        line = await rig.connect()
        line.send(get("/", "Connection: close"))
        await line.rest()
        errors.append(rig.backend().counts.errors)
    assert errors == [1, 1, 2, 3]
    assert not rig.backend().healthy


@pytest.mark.parametrize("framing", [b"0\r\nA: ", b"5;a="])
async def test_what_is_no_piece_of_the_body_buys_no_time(start: Start, framing: bytes) -> None:
    """A trailer, or a chunk's extension, byte by byte: over within the response timeout (2) and two sweeps."""
    rig = await start(Server(), response_timeout=2.0)
    server = rig.servers["a"]
    server.reply = lambda message: CHUNKED + b"5\r\nhello\r\n" + framing
    line = await rig.connect()
    line.send(GET)
    await line.until(b"hello\r\n")
    (client,) = rig.balancer.clients
    began = rig.clock.now
    while client.exchange is not None and rig.clock.now - began < 60:
        server.lines[0].send(b"a")
        await turns(10)
        rig.pass_time(0.25)
    assert rig.clock.now - began <= 2 + 2 * SWEEP + 0.5


# Nobody there


@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
async def test_a_refusal_is_definite_and_any_request_goes_elsewhere(start: Start, request_: bytes) -> None:
    """Client: 200; reached: one backend; errors: 1; taken out after `fall` (2) requests."""
    dead = await Server().open()
    await dead.close()
    rig = await start(dead, Server(), fall=2)
    for _ in range(6):
        assert (await rig.ask(request_)).status == 200
    assert len(rig.servers["b"].heard) == 6
    assert (rig.backend("a").counts.errors, rig.totals()["retried"]) == (2, 2)
    assert not rig.backend("a").healthy


@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
async def test_a_black_hole_costs_the_connect_timeout(start: Start, request_: bytes) -> None:
    """Client: 200; reached: one backend; errors: 1; waited for once, and then taken out."""
    with black_hole() as port:
        lost = Server()
        lost.port = port
        rig = await start(lost, Server(), connect_timeout=0.1, fall=1)
        for _ in range(4):
            assert (await rig.ask(request_)).status == 200
        assert len(rig.servers["b"].heard) == 4
        assert (rig.backend("a").counts.errors, rig.totals()["retried"]) == (1, 1)
        assert len(rig.balancer.upstreams) == len(rig.backend("b").idle)


async def test_many_requests_into_a_black_hole_all_go_elsewhere(start: Start) -> None:
    """50 at once: 200 each, b gets 50, and nothing is left of the attempts."""
    with black_hole() as port:
        lost = Server()
        lost.port = port
        rig = await start(lost, Server(), connect_timeout=0.5)
        lines = [await rig.connect() for _ in range(50)]
        for line in lines:
            line.send(POST)
        assert {(await line.answer()).status for line in lines} == {200}
        assert len(rig.servers["b"].heard) == 50
        await rig.settled()
        assert not rig.balancer.tasks
        assert rig.backend("a").counts.errors == 25  # every other one was sent there first


async def test_all_down_and_back(start: Start) -> None:
    """502 while it is found out (`fall` requests), then 503 at once; back with the first check passed (`rise` 1)."""
    rig = await start(Server(), Server(), fall=1)
    line = await rig.connect()
    assert (await line.ask(GET)).status == 200
    for server in rig.servers.values():
        await server.close()
    await until(lambda: not rig.balancer.upstreams)
    statuses = [(await line.ask(request)).status for request in (POST, POST, GET)]
    assert statuses == [502, 503, 503]  # the first has tried both
    assert rig.totals()["requests"] == 4
    for server in rig.servers.values():
        await server.open()
    assert (await line.ask(POST)).status == 503
    for backend in rig.balancer.pool.backends:
        await health.check(rig.balancer, backend)
        assert backend.healthy
    heard = sum(len(server.heard) for server in rig.servers.values())
    for _ in range(10):
        assert (await line.ask(POST)).status == 200
    assert sum(len(server.heard) for server in rig.servers.values()) == heard + 10
