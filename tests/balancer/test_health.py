"""Who is up: what failed requests say (passive), what our own questions say (active), and what follows from it."""

import asyncio
import errno

import pytest

from balancer import health
from tests.balancer.conftest import Start
from tests.balancer.rig import PATIENCE, Line, Message, Rig, Server, checked_for, events, get, ok, until


async def cut_off(line: Line) -> None:
    await line.message()


def healthy(rig: Rig) -> str:
    return "".join(backend.name for backend in rig.balancer.pool.backends if backend.healthy)


# Passive


async def test_requests_that_fail_in_a_row_take_a_server_out(start: Start) -> None:
    rig = await start(Server(cut_off), Server(), fall=3)
    for _ in range(2):
        rig.balancer.policy._turn = 0  # its turn again
        assert (await rig.ask()).status == 200  # sent again, to the other one
        assert healthy(rig) == "ab"
    rig.balancer.policy._turn = 0
    assert (await rig.ask()).status == 200
    assert healthy(rig) == "b"
    before = len(rig.servers["a"].lines)
    for _ in range(4):
        assert (await rig.ask(get(method="POST"))).status == 200
    assert len(rig.servers["a"].lines) == before


async def test_an_answer_in_between_forgives(start: Start) -> None:
    turn = 0

    async def script(line: Line) -> None:
        nonlocal turn
        await line.message()
        turn += 1
        if turn % 2:
            line.send(ok(b"", "Connection: close"))

    rig = await start(Server(script), fall=2)
    for n in range(8):
        assert (await rig.ask(get(method="POST"))).status == (502 if n % 2 else 200)
    assert healthy(rig) == "a"
    assert rig.backend().counts.errors == 4


async def test_errors_that_a_server_answers_are_answers(start: Start) -> None:
    server = Server()
    server.reply = lambda message: ok(b"sorry", status="500 Internal Server Error")
    rig = await start(server, fall=1)
    for _ in range(5):
        assert (await rig.ask()).body == b"sorry"
    assert healthy(rig) == "a"
    assert rig.backend().counts.errors == 0


async def test_a_server_that_is_out_loses_its_rested_connections(start: Start) -> None:
    rig = await start(Server())
    await rig.ask()
    assert rig.backend().idle
    rig.balancer.set_health(rig.backend(), False)
    assert rig.backend().idle == []
    await until(rig.servers["a"].lines[0].reader.at_eof)
    assert (await rig.ask()).status == 503


async def test_what_runs_on_a_server_that_is_taken_out_still_ends_well(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.message()
        await go.wait()
        line.send(ok(b"late"))
        await line.rest()

    go = asyncio.Event()
    rig = await start(Server(script))
    line = await rig.connect()
    line.send(get())
    await until(lambda: rig.servers["a"].lines)
    rig.balancer.set_health(rig.backend(), False)
    go.set()
    assert (await line.answer()).body == b"late"
    assert healthy(rig) == ""  # one late answer is no recovery: the checks decide
    assert rig.backend().idle == []


# Active


def checked(rig: Rig) -> list[Message]:
    return [message for message in rig.servers["a"].heard if message.start == "GET /health HTTP/1.1"]


@pytest.mark.parametrize(
    ("reply", "passes"),
    [
        (ok(b"fine"), True),
        (b"HTTP/1.0 204 No Content\r\n\r\n", True),
        (ok(b"", status="500 Oh No"), False),
        (ok(b"", status="302 Found"), False),
        (b"220 mail.test ESMTP\r\n", False),
        (b"", False),
        (b"HTTP/1.1 200 OK\r\n", False),
        (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", False),
        (b"HTTP/1.1 2000\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nPadding: " + b"x" * 100_000 + b"\r\n\r\n", False),
    ],
)
async def test_what_passes_a_check(start: Start, reply: bytes, passes: bool) -> None:
    async def script(line: Line) -> None:
        heard.append(await line.message())
        line.send(reply)

    heard: list[Message] = []
    rig = await start(Server(script))
    assert await health.passes(rig.balancer, rig.backend()) is passes
    assert heard[0].start == "GET /health HTTP/1.1"
    assert heard[0]["host"] == rig.servers["a"].address


async def test_fall_and_rise_count_checks_in_a_row(start: Start) -> None:
    rig = await start(Server(), rise=2, fall=3)
    server = rig.servers["a"]
    history = ""
    for good in "+--+---+-++---":
        server.reply = lambda message, good=good: ok(status="200 OK" if good == "+" else "503 No")
        await health.check(rig.balancer, rig.backend())
        history += "u" if rig.backend().healthy else "d"
    assert history == "uuuuuuddddu" + "uud"


async def test_a_server_that_comes_back_gets_requests_again(start: Start) -> None:
    server = Server()
    rig = await start(server, Server(), fall=1)
    server.stop_listening()
    for backend in rig.balancer.pool.backends:
        await health.check(rig.balancer, backend)
    assert healthy(rig) == "b"
    for _ in range(4):
        assert (await rig.ask(get(method="POST"))).status == 200
    await server.open()
    for backend in rig.balancer.pool.backends:
        await health.check(rig.balancer, backend)
    assert healthy(rig) == "ab"
    for _ in range(4):
        assert (await rig.ask()).status == 200
    assert any(message.start == "GET / HTTP/1.1" for message in server.heard)


async def test_watching_notices_who_goes_and_who_comes(start: Start) -> None:
    server = Server()
    rig = await start(server, health_interval=0.05, fall=1)
    rig.balancer.clock = asyncio.get_running_loop().time
    watching = asyncio.create_task(health.watch(rig.balancer))
    server.stop_listening()
    await until(lambda: healthy(rig) == "")
    await server.open()
    await until(lambda: healthy(rig) == "a")
    watching.cancel()


async def test_without_a_path_only_servers_that_are_down_are_tried(start: Start) -> None:
    rig = await start(Server(), Server(), health_path="")
    rig.balancer.set_health(rig.backend("b"), False)
    checks = health.Checks(rig.balancer)
    for _ in range(4):
        await checked_for(rig, checks, 0.5)
    assert healthy(rig) == "ab"
    assert rig.servers["a"].lines == []


async def test_each_server_has_its_own_moment_and_is_checked_once_in_an_interval(start: Start) -> None:
    rig = await start(*[Server() for _ in range(8)])
    checks = health.Checks(rig.balancer)
    most = 0
    for _ in range(160):  # twenty intervals
        before = sum(len(server.heard) for server in rig.servers.values())
        await checked_for(rig, checks, 0.125)
        most = max(most, sum(len(server.heard) for server in rig.servers.values()) - before)
    assert {len(server.heard) for server in rig.servers.values()} <= {19, 20, 21}
    assert most <= 2, "at one moment, of eight servers and eight moments"


async def test_of_very_many_servers_few_are_checked_at_once_and_all_in_turn(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "MOST_BEGUN", 2)
    rig = await start(*[Server() for _ in range(8)])
    checks = health.Checks(rig.balancer)
    heard = []
    for _ in range(9):
        await checked_for(rig, checks, 1.0)
        heard.append(sum(len(server.heard) for server in rig.servers.values()))
    assert heard == [1, 3, 5, 7, 9, 11, 13, 15, 17]
    assert {len(server.heard) for server in rig.servers.values()} <= {2, 3}


async def test_no_descriptor_left_is_no_fault_of_the_server(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    async def too_many(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    rig = await start(Server(), fall=1)
    monkeypatch.setattr(asyncio, "open_connection", too_many)
    await health.check(rig.balancer, rig.backend())
    assert healthy(rig) == "a"


async def test_a_check_that_was_asked_before_the_fall_brings_nobody_back(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.message()
        await go.wait()
        line.send(ok())

    go = asyncio.Event()
    rig = await start(Server(script))
    checking = asyncio.create_task(health.check(rig.balancer, rig.backend()))
    await until(lambda: rig.servers["a"].lines)
    rig.balancer.set_health(rig.backend(), False)
    go.set()
    await checking
    assert healthy(rig) == ""


async def test_checks_are_no_requests_of_clients(start: Start) -> None:
    rig = await start(Server())
    await health.check(rig.balancer, rig.backend())
    assert rig.totals()["requests"] == 0
    assert rig.backend().counts.requests == 0
    assert len(checked(rig)) == 1


async def test_a_server_removed_during_its_check_stays_removed(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.message()
        await go.wait()

    go = asyncio.Event()
    rig = await start(Server(script), Server(), fall=1)
    backend = rig.backend("a")
    checking = asyncio.create_task(health.check(rig.balancer, backend))
    await until(lambda: rig.servers["a"].lines)
    rig.balancer.remove(backend)
    go.set()
    await checking
    assert healthy(rig) == "b"
    assert [b.name for b in rig.balancer.pool.available.known] == ["b"]


async def test_a_removed_server_is_checked_no_more(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.message()
        try:
            await line.rest()
        finally:
            ended.set()

    ended = asyncio.Event()
    rig = await start(Server(script))
    checks = health.Checks(rig.balancer)
    checks.sweep(rig.clock.now)
    await until(lambda: rig.servers["a"].lines)
    rig.balancer.remove(rig.backend())
    checks.sweep(rig.clock.now)
    assert checks.turns == {}
    await asyncio.wait_for(ended.wait(), PATIENCE)


async def test_health_is_told_to_the_feed(start: Start) -> None:
    rig = await start(Server())
    feed = events(rig.balancer.feed.subscribe())
    rig.balancer.set_health(rig.backend(), False)
    rig.balancer.set_health(rig.backend(), False)  # nothing new
    rig.balancer.set_health(rig.backend(), True)
    told = [await anext(feed), await anext(feed)]
    assert [(event["kind"], event["what"], event["detail"]) for event in told] == [
        ("mark", "down", "a"),
        ("mark", "up", "a"),
    ]
