"""The keep-alive race: a backend closes a connection at rest just when a request is put on it.

What is at stake is a request that must not be done twice (POST). What is bounded: none is lost that the backend did not
begin to read, none is sent twice, and a backend that keeps its connections costs no more than one connection for each
request at work. test_race.py has the same with real servers and real time.
"""

import asyncio
import socket
from collections.abc import Callable

import pytest

from balancer.upstream import Upstream
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Server, get, ok, until

POST = get("/", "Content-Length: 4", method="POST") + b"body"


async def test_a_post_is_put_on_a_connection_only_once_the_backend_has_kept_one(start: Start) -> None:
    """Opened: 2 connections before the proof (one a POST), none after it; GETs do not wait for it."""
    rig = await start(Server())
    line, lines = await rig.connect(), rig.servers["a"].lines
    for opened, request in ((1, POST), (2, POST), (2, get())):
        assert (await line.ask(request)).status == 200
        assert len(lines) == opened
    rig.pass_time(1.5)
    assert (await line.ask(get())).status == 200
    for _ in range(10):
        assert (await line.ask(POST)).status == 200
    assert len(lines) == 2
    rig.pass_time(2.0)  # more than half of what is proven by then
    assert (await line.ask(POST)).status == 200
    assert len(lines) == 3


async def test_an_upload_is_no_more_daring_than_a_post(start: Start) -> None:
    """What has been passed on of a body is not kept, so a PUT whose body is still coming could not be sent again."""
    rig = await start(Server())
    line = await rig.connect()
    await line.ask(get())
    whole = get("/", "Content-Length: 4", method="PUT") + b"body"
    assert (await line.ask(whole)).status == 200
    assert len(rig.servers["a"].lines) == 1
    line.send(whole[:-2])
    await until(lambda: len(rig.servers["a"].lines) == 2)
    line.send(whole[-2:])
    assert (await line.answer()).status == 200


async def test_a_backend_that_closes_as_it_likes_is_not_trusted(start: Start) -> None:
    """One connection closed too soon, and POSTs get new ones for 10 s; then the proof begins again."""
    rig = await start(Server(), backend_idle_timeout=30.0)
    line, lines, trust = await rig.connect(), rig.servers["a"].lines, rig.backend().trust
    await line.ask(POST)
    rig.pass_time(2)
    assert trust.limit == pytest.approx(0.875)
    await line.ask(get())
    lines[0].writer.close()
    await until(lambda: not rig.balancer.upstreams)
    assert trust.limit == 0
    for opened in (2, 3, 4):
        assert (await line.ask(POST)).status == 200
        assert len(lines) == opened
    rig.pass_time(9)
    assert trust.limit == 0
    rig.pass_time(2)
    assert trust.limit > 1
    await line.ask(get())
    assert (await line.ask(POST)).status == 200
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("said", "kept_for", "trusted"),
    [("timeout=2", 1.5, True), ("max=9, timeout=3", 2.25, True), ("timeout=0", 0, False)],
)
async def test_what_a_backend_says_of_itself_is_heeded(start: Start, said: str, kept_for: float, trusted: bool) -> None:
    """`Keep-Alive: timeout=N`: at rest for three quarters of that; a POST never after more than half."""
    server = Server()
    server.reply = lambda message: ok(b"a", "Connection: keep-alive", f"Keep-Alive: {said}")
    rig = await start(server)
    await rig.ask()
    await rig.settled()
    rig.pass_time(kept_for)
    assert len(rig.backend().idle) == 1
    assert (rig.backend().trust.limit > 0) is trusted
    rig.pass_time(0.25)
    assert rig.backend().idle == []


@pytest.mark.parametrize(
    "surplus", [ok(b"poison"), b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", b"\r\n", b"HTTP/1.1 200 OK\r\nCont"]
)
async def test_what_a_backend_said_unasked_is_no_answer_to_the_next_request(start: Start, surplus: bytes) -> None:
    """It has come, and nobody has read it yet, when somebody else's request does (RFC 9112 section 9.2)."""
    rig = await start(Server(name="a"))
    line = await rig.connect()
    await line.ask(get())
    (client,) = rig.balancer.clients
    with same_socket(rig.servers["a"].lines[0]) as sock:
        sock.sendall(surplus)
    client.data_received(get())  # type: ignore[attr-defined]  # in this very turn
    answer = await line.answer()
    assert (answer.status, answer.body) == (200, b"a")
    assert len(rig.servers["a"].lines) == 2
    assert rig.totals()["errors"] == 0


def closing(line: Line) -> Callable[[Upstream], bool]:
    """Stands for the moment between our last look at a connection, and our writing: the backend closes in it."""

    def still_open(upstream: Upstream) -> bool:
        with same_socket(line) as sock:
            sock.shutdown(socket.SHUT_RDWR)
        return True

    return still_open


async def test_a_post_that_came_to_a_closed_door_is_sent_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The FIN leaves every byte of it unacknowledged: nobody has read it. Client: 200; processed: once; errors: 0."""
    rig = await start(Server())
    line, server = await rig.connect(), rig.servers["a"]
    await line.ask(get())
    rig.pass_time(2)
    await line.ask(get())
    monkeypatch.setattr(Upstream, "still_open", closing(server.lines[0]))
    assert (await line.ask(POST)).status == 200
    assert [message.start for message in server.heard].count("POST / HTTP/1.1") == 1
    assert len(server.lines) == 2
    totals = rig.totals()
    assert (totals["retried"], totals["errors"], totals["statuses"]) == (1, 0, {"2xx": 3})
    assert rig.backend().trust.limit == 0


@pytest.mark.parametrize("read", [0, 1, "all"])
async def test_a_post_that_was_received_is_not_sent_again(start: Start, read: int | str) -> None:
    """Read or not, in part or whole: it arrived. Client: one 502 that says so; sent: once."""
    sent = asyncio.Event()

    async def script(line: Line) -> None:
        await line.message()
        line.send(ok())
        await line.flush()
        line.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await sent.wait()
        await until(lambda: has_come(line))
        if read:
            with same_socket(line) as sock:
                sock.recv(1 if read == 1 else 65536)
        line.writer.close()

    rig = await start(Server(script), Server())
    rig.balancer.pool.remove(rig.backend("b"))
    line = await rig.connect()
    await line.ask(get())
    rig.pass_time(2)
    rig.backend().idle[0].rested = rig.clock.now
    line.send(POST)
    sent.set()
    assert (await line.answer()).status == 502
    totals = rig.totals()
    assert (totals["retried"], totals["errors"], totals["statuses"]) == (0, 1, {"2xx": 1, "5xx": 1})
    assert len(rig.servers["a"].lines) == 1


def same_socket(line: Line) -> socket.socket:
    """To do with it what no transport lets one do."""
    return socket.fromfd(line.writer.get_extra_info("socket").fileno(), socket.AF_INET, socket.SOCK_STREAM)


def has_come(line: Line) -> bool:
    with same_socket(line) as sock:
        try:
            return bool(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return False


async def test_too_many_at_rest_leave_those_that_have_rested_longest(start: Start) -> None:
    """They are the proof: with POSTs alone, all on connections of their own, a proof must come about."""
    rig = await start(Server(), max_idle=2)
    line = await rig.connect()
    for _ in range(6):
        await line.ask(POST)
        rig.pass_time(0.25)
    assert len(rig.servers["a"].lines) <= 6
    assert rig.backend().trust.limit > 0
    opened = len(rig.servers["a"].lines)
    await line.ask(get())
    await line.ask(POST)
    assert len(rig.servers["a"].lines) == opened
