"""Clients that go, in every phase of a request, and clients that only stop speaking: what the backend is told, and that
nothing is left. test_slow_clients.py has those that stay."""

import asyncio
from dataclasses import dataclass

import pytest

from balancer.state import SWEEP
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Rig, Server, get, ok, until
from tests.faults.conftest import black_hole

GET, POST = get("/"), get("/", "Content-Length: 10", method="POST")
UPGRADE = get("/", "Connection: Upgrade", "Upgrade: websocket")
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Phase:
    """What the client has sent and the backend has answered when the client goes."""

    sent: bytes
    answered: bytes = b""
    got: bytes = b""
    """By the client, before it goes."""
    reached: int = 1
    """Requests of which the backend got something."""
    requests: int = 0
    """Counted as answered."""
    after_half_close: bytes = b""
    """What a client still gets that only stops sending; the backend then answers the rest, if it can."""


PHASES = {
    "in a head": Phase(GET[:-2], reached=0),
    "in a body": Phase(POST + b"hello"),
    "in a chunk": Phase(get("/", "Transfer-Encoding: chunked", method="POST") + b"5\r\nhel"),
    "waiting": Phase(GET, after_half_close=ok()),
    "waiting, its body sent": Phase(POST + b"helloworld", after_half_close=ok()),
    "waiting, the next request behind": Phase(GET + get("/next"), after_half_close=ok()),
    "waiting, half the next behind": Phase(GET + GET[:-2], after_half_close=ok()),
    "in the answer's head": Phase(GET, HEAD[:20], after_half_close=HEAD + b"helloworld"),
    "after an interim answer": Phase(GET, b"HTTP/1.1 103 Early Hints\r\n\r\n", got=b"\r\n\r\n", after_half_close=ok()),
    "in the answer's body": Phase(GET, HEAD + b"hello", b"hello", requests=1, after_half_close=b"world"),
    "in the answer's chunk": Phase(GET, CHUNKED + b"5\r\nhel", b"hel", requests=1, after_half_close=b"lo\r\n0\r\n\r\n"),
    "in an early answer's body": Phase(POST + b"hello", HEAD + b"hello", b"hello", requests=1),
    "in a tunnel": Phase(UPGRADE, SWITCHED + b"hello", b"hello", requests=1),
}


class Backend(Server):
    """It reads, and says `answered` once a request has begun to arrive; `told` when its connection has ended."""

    def __init__(self, phase: Phase) -> None:
        super().__init__(self.follow)
        self.phase = phase
        self.told = asyncio.Event()

    async def follow(self, line: Line) -> None:
        try:
            await line.until(b"\r\n\r\n")
            line.send(self.phase.answered)
            await line.rest()
        except ConnectionError:
            pass
        self.told.set()


async def reach(start: Start, phase: Phase) -> tuple[Rig, Backend, Line]:
    """A client in this phase."""
    backend = Backend(phase)
    rig = await start(backend)
    line = await rig.connect()
    line.send(phase.sent)
    if phase.reached:
        await until(lambda: backend.lines)
    else:
        await until(lambda: any(client._buffer for client in rig.balancer.clients))
    if phase.got:
        await line.until(phase.got)
    elif phase.answered:
        (client,) = rig.balancer.clients
        await until(lambda: client.exchange is not None and client.exchange.held)
    return rig, backend, line


async def nothing_left(rig: Rig) -> None:
    await until(lambda: not rig.balancer.clients)
    await until(lambda: not rig.balancer.upstreams)
    assert not rig.balancer.tasks
    assert rig.backend().in_flight == 0
    assert rig.backend().counts.errors == 0
    assert rig.backend().healthy


GOING = [
    (name, way) for name, phase in PHASES.items() for way in ("reset", "close")[: 1 + (not phase.after_half_close)]
]


@pytest.mark.parametrize(("name", "way"), GOING)
async def test_a_client_that_goes(start: Start, name: str, way: str) -> None:
    """The backend is told at once; it is not blamed; what it had answered counts; no connection is kept.

    A close where a client may still wait for an answer looks like a half-close: see the next two tests.
    """
    phase = PHASES[name]
    rig, backend, line = await reach(start, phase)
    if way == "reset":
        line.abort()
    else:
        await line.hang_up()
    if phase.reached:
        await asyncio.wait_for(backend.told.wait(), 5)
    await nothing_left(rig)
    assert len(backend.lines) == phase.reached
    assert rig.totals()["requests"] == phase.requests


async def test_a_client_that_closes_is_missed_when_more_is_written_to_it(start: Start) -> None:
    """The first bytes are answered with a reset, the second find it out: no later."""
    rig, backend, line = await reach(start, Phase(GET, HEAD.replace(b"10", b"999") + b"hello", b"hello"))
    await line.hang_up()
    (client,) = rig.balancer.clients
    await until(lambda: client._half_closed)
    download = client.exchange.download
    for left in (993, 992):
        backend.lines[0].send(b"x")
        await until(lambda left=left: download.left == left)
    await until(lambda: not rig.balancer.clients)
    await asyncio.wait_for(backend.told.wait(), 5)
    await nothing_left(rig)


async def test_a_client_that_closes_is_waited_for_no_longer_than_any_other(start: Start) -> None:
    rig, backend, line = await reach(start, Phase(GET))
    await line.hang_up()
    (client,) = rig.balancer.clients
    await until(lambda: client._half_closed)
    rig.pass_time(rig.balancer.config.response_timeout + 2 * SWEEP + 0.25)
    await asyncio.wait_for(backend.told.wait(), 5)
    await until(lambda: not rig.balancer.clients)
    assert rig.backend().in_flight == 0


@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES.keys())
async def test_a_client_that_stops_speaking(start: Start, phase: Phase) -> None:
    """RFC 9112 section 9.6: it gets the answers to what it has asked in full; half a request is none."""
    rig, backend, line = await reach(start, phase)
    if not phase.after_half_close:
        line.half_close()
        if phase.reached:
            await asyncio.wait_for(backend.told.wait(), 5)
        await line.closed()
        await nothing_left(rig)
        return
    line.half_close()
    (client,) = rig.balancer.clients
    await until(lambda: client._half_closed)
    backend.lines[0].send(phase.after_half_close[len(phase.answered) if not phase.got else 0 :])
    if b"/next" in phase.sent:
        await line.until(b"ok")
        await until(lambda: len(backend.lines) == 2 or rig.backend().in_flight)
        backend.lines[-1].send(ok())
    await line.until(phase.after_half_close[-4:])
    await line.closed()
    await until(lambda: not rig.balancer.clients)
    assert rig.backend().in_flight == 0
    assert rig.backend().counts.errors == 0


async def test_a_client_that_goes_while_we_connect(start: Start) -> None:
    """The attempt is given up with it: the backend never hears of this request, and is not blamed."""
    with black_hole() as port:
        lost = Server()
        lost.port = port
        rig = await start(lost, connect_timeout=60.0)
        line = await rig.connect()
        line.send(GET)
        await until(lambda: rig.balancer.tasks)
        line.abort()
        await until(lambda: not rig.balancer.tasks)
        await nothing_left(rig)
        assert rig.totals()["requests"] == 0
