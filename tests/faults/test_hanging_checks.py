"""Health checks that never end: they are given up in time, do not pile up, and hold up nobody else's.

Times are those of the balancer's clock, which the tests move; a health interval is a second.
"""

from collections import Counter

import pytest

from balancer.health import Checks
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Script, Server, checked_for, get, ok, until

STEP = 0.125


async def never_answers(line: Line) -> None:
    await line.message()
    await line.rest()


async def answers_half(line: Line) -> None:
    await line.message()
    line.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    await line.rest()


async def trickles(line: Line) -> None:
    await line.message()
    line.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        line.send(b"X: y\r\n" * 500)
        await line.flush()


@pytest.mark.parametrize("script", [never_answers, answers_half, trickles])
async def test_a_server_that_hangs_is_out_within_fall_and_one_intervals(start: Start, script) -> None:
    rig = await start(Server(script), fall=2)
    checks, began = Checks(rig.balancer), rig.clock.now
    while rig.backend().healthy and rig.clock.now - began < 9:
        await checked_for(rig, checks, STEP, hanging="a")
        if len(rig.servers["a"].lines) < 1:
            await until(lambda: rig.servers["a"].lines)
    assert rig.clock.now - began <= 2 + 1 + 2 * STEP


def too_busy(answer: bytes) -> Script:
    """Answers everything but health checks."""

    async def script(line: Line) -> None:
        while (await line.message()).start != "GET /health HTTP/1.1":
            line.send(answer)
            if not answer.endswith(b"ok"):
                line.writer.close()
                return
        await line.rest()

    return script


@pytest.mark.parametrize(
    ("answer", "stays"),
    [(ok(), True), (ok(status="404 Not Found"), True), (ok(status="503 Busy"), False), (ok()[:-1], False)],
)
async def test_who_serves_requests_is_not_out_for_checks_that_hang(start: Start, answer: bytes, stays: bool) -> None:
    """Were it, the others would have its load, too, and hang next. It stays for a minute; without requests it is out
    within `fall` and one intervals."""
    rig = await start(Server(too_busy(answer)), fall=2)
    checks, began = Checks(rig.balancer), rig.clock.now
    while rig.backend().healthy and rig.clock.now - began < 60:
        await checked_for(rig, checks, STEP, hanging="a")
        line = await rig.connect()
        line.send(get("/", "Connection: close"))
        await line.rest()
    assert rig.backend().healthy is stays
    quiet = rig.clock.now
    while rig.backend().healthy and rig.clock.now - quiet < 9:
        await checked_for(rig, checks, STEP, hanging="a")
    assert not rig.backend().healthy
    assert rig.clock.now - quiet <= 2 + 1 + 2 * STEP


async def test_others_are_checked_in_their_own_time(start: Start) -> None:
    """Five of seven hang, for a minute. The other two are checked every second, and all that time no more than one
    connection to each is open for a check."""
    rig = await start(*[Server(never_answers) for _ in range(5)], *[Server() for _ in range(2)], health_path="/health")
    well = [rig.servers[name] for name in "fg"]
    checks = Checks(rig.balancer)
    for _ in range(int(60 / STEP)):
        await checked_for(rig, checks, STEP, hanging="abcde")
        assert sum(turn.running is not None and not turn.running.done() for turn in checks.turns.values()) <= 5
    assert all(59 <= len(server.heard) <= 61 for server in well)
    hanging = Counter(server.name for server in rig.servers.values() for _ in server.lines if server not in well)
    assert all(55 <= count <= 61 for count in hanging.values()), "each is asked again every second"
    assert [b.name for b in rig.balancer.pool.available.new] == ["f", "g"]
    await until(lambda: sum(not line.reader.at_eof() for server in rig.servers.values() for line in server.lines) <= 5)
    checks.end()
    await until(lambda: all(line.reader.at_eof() for server in rig.servers.values() for line in server.lines))


async def test_checks_borrow_no_connection_of_clients(start: Start) -> None:
    rig = await start(Server())
    line = await rig.connect()
    await line.ask(get())
    (rested,) = rig.backend().idle
    await checked_for(rig, Checks(rig.balancer), STEP)
    assert rig.backend().idle == [rested]
    assert len(rig.servers["a"].lines) == 2
    await line.ask(get())
    assert [message.start for message in rig.servers["a"].heard] == [
        "GET / HTTP/1.1", "GET /health HTTP/1.1", "GET / HTTP/1.1"
    ]  # fmt: skip


async def test_nobody_is_blamed_when_it_was_the_balancer_that_slept(start: Start) -> None:
    """Stopped for a minute in the middle of a check (SIGSTOP, a suspended machine): the answer is here, unread."""

    async def script(line: Line) -> None:
        await line.message()
        asked.append(1)
        await line.read(1)

    asked: list[int] = []
    rig = await start(Server(script), fall=1)
    checks = Checks(rig.balancer)
    await checked_for(rig, checks, STEP, hanging="a")
    await until(lambda: asked)
    rig.clock.now += 60
    checks.sweep(rig.clock.now)
    assert rig.backend().healthy
    (turn,) = checks.turns.values()
    assert turn.running is not None
    assert not turn.running.done(), "it has another interval"
    rig.servers["a"].lines[0].send(ok())
    await until(turn.running.done)
    assert rig.backend().passes == 1
