"""Servers that come and go: how often they change places, what clients see of it, and what a return costs.

Times are those of the balancer's clock, which the tests move; a health interval is a second.
"""

import asyncio
from collections import Counter

import pytest

from balancer.health import MOST_DOUBLINGS, Checks
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Message, Rig, Server, checked_for, get, ok, until


class Watched:
    """Counts how often a backend has changed from up to down, or back."""

    def __init__(self, rig: Rig, name: str) -> None:
        self._backend = rig.backend(name)
        self._was = True
        self.changes = 0

    def look(self) -> None:
        self.changes += self._backend.healthy != self._was
        self._was = self._backend.healthy


def is_check(message: Message) -> bool:
    return message.start == "GET /health HTTP/1.1"


async def test_well_when_asked_and_broken_at_work(start: Start) -> None:
    """It passes every check and fails every request. It is tried again more and more seldom: for five minutes, 7 times
    while the pauses double, and each 64 s after that, not 150 times. Each try costs `fall` requests a second attempt,
    and no client an answer."""

    async def script(line: Line) -> None:
        while is_check(message := await line.message()):
            line.send(ok())
        tried.append(message)

    tried: list[Message] = []
    rig = await start(Server(script, name="a"), Server(name="b"), Server(name="c"), fall=2)
    checks, watched = Checks(rig.balancer), Watched(rig, "a")
    for _ in range(300):
        await checked_for(rig, checks, 1.0)
        watched.look()
        for _ in range(6):
            assert (await rig.ask()).status == 200
        watched.look()
    returns = watched.changes // 2
    assert MOST_DOUBLINGS <= returns <= MOST_DOUBLINGS + 1 + 300 // 64
    assert len(tried) <= 2 * (returns + 1)
    assert rig.totals()["retried"] == rig.backend("a").counts.errors == len(tried)


@pytest.mark.parametrize("pattern", ["+-", "++-", "+h", "-+h+"])
async def test_single_misses_change_nothing(start: Start, pattern: str) -> None:
    """+ passed, - missed, h hangs until it is given up; with `fall` 2, one in between never takes a server out."""
    turn = 0

    async def script(line: Line) -> None:
        nonlocal turn
        await line.message()
        what = pattern[turn % len(pattern)]
        turn += 1
        if what == "h":
            await line.rest()
        line.send(ok(status="200 OK" if what == "+" else "500 Broken"))

    rig = await start(Server(script))
    checks, watched = Checks(rig.balancer), Watched(rig, "a")
    for what in (pattern * 40)[:40]:
        before = turn
        await checked_for(rig, checks, 1.0, hanging="a")
        await until(lambda before=before: turn == before + 1)
        await settled_or_hanging(checks, what)
        watched.look()
    assert watched.changes == 0


async def settled_or_hanging(checks: Checks, what: str) -> None:
    """A check that is answered has been judged."""
    (only,) = checks.turns.values()
    running = only.running
    assert running is not None
    if what != "h":
        await until(running.done)


async def test_a_server_that_restarts_for_ever(start: Start) -> None:
    """Up for three checks, away for three: ten minutes of it are 100 restarts. It needs more passed checks in a row
    each time than it ever gives, so it is left alone."""
    rig = await start(Server(name="a"), Server(name="b"), fall=2)
    checks, watched, heard = Checks(rig.balancer), Watched(rig, "a"), rig.servers["a"].heard
    rig.servers["a"].reply = lambda message: ok(status="200 OK" if len(heard) // 3 % 2 == 0 else "503 Starting")
    for _ in range(600):
        await checked_for(rig, checks, 1.0)
        watched.look()
    assert watched.changes <= 2 * 2 + 1
    rig.servers["a"].reply = lambda message: ok()
    for _ in range(4):
        await checked_for(rig, checks, 1.0)
    assert rig.backend("a").healthy, "it stays up now, and is back as soon as it has shown so"


async def test_what_fell_once_long_ago_is_back_at_the_first_check(start: Start) -> None:
    rig = await start(Server(name="a"), Server(name="b"))
    checks = Checks(rig.balancer)
    for _ in range(5):
        rig.balancer.set_health(rig.backend("a"), False)
        await checked_for(rig, checks, 1.0)
        assert rig.backend("a").healthy
        await checked_for(rig, checks, 30.0)
    assert rig.backend("a").falls == 1


# A return


@pytest.mark.parametrize(("slow_start", "most", "least"), [(0.0, 60, 40), (10.0, 6, 1)])
@pytest.mark.parametrize("policy", ["least_busy", "two_choices"])
async def test_a_server_that_returns_among_busy_ones(
    start: Start, policy: str, slow_start: float, most: int, least: int
) -> None:
    """Two servers have 30 requests each in flight when the third comes back, and 60 more arrive in its first second.

    At once it gets nearly all of them: it has nothing to do. With a slow start its share is a tenth of the others', 1
    in 21, and twice that where two are asked.
    """

    async def script(line: Line) -> None:
        await line.message()
        await line.rest()

    rig = await start(*[Server(script) for _ in range(3)], policy=policy, slow_start=slow_start)
    back = rig.backend("c")
    rig.balancer.set_health(back, False)
    await asyncio.gather(*(send(rig) for _ in range(60)))
    await until(lambda: sum(b.in_flight for b in rig.balancer.pool.backends) == 60)
    rig.balancer.set_health(back, True)
    await asyncio.gather(*(send(rig) for _ in range(60)))
    await until(lambda: sum(b.in_flight for b in rig.balancer.pool.backends) == 120)
    if policy == "two_choices":
        most, least = min(60, 2 * most), least // 2  # chance
    assert least <= back.in_flight <= most


async def send(rig: Rig) -> None:
    line = await rig.connect()
    line.send(get())


async def test_the_share_of_a_server_that_returns_grows_until_it_is_whole(start: Start) -> None:
    """Round robin, strictly: of 21 requests 1, after half of the time of 16 six, and then every second."""
    rig = await start(Server(name="a"), Server(name="b"), slow_start=10.0)
    rig.balancer.set_health(rig.backend("a"), False)
    rig.balancer.set_health(rig.backend("a"), True)
    for seconds, count, share in ((0.0, 110, 10), (5.0, 160, 60), (5.0, 100, 50)):
        rig.pass_time(seconds)
        counts = Counter([(await rig.ask()).body for _ in range(count)])
        assert counts[b"a"] == share
    assert rig.balancer.pool.available.slots == rig.balancer.pool.available.new


# All of them


async def test_all_servers_down_and_back(start: Start) -> None:
    """Gone for five seconds: every client is told at once, and when to come back. They are back with the first check
    each, a second at most, however often that has happened before."""
    servers = [Server(name=name) for name in "abc"]
    rig = await start(*servers, fall=1)
    checks = Checks(rig.balancer)
    await checked_for(rig, checks, 1.0)
    for _ in range(4):
        for server in servers:
            server.stop_listening()
            rig.balancer.close_idle(rig.backend(server.name))
        statuses = [(await rig.ask()).status for _ in range(3)]
        assert set(statuses) <= {502, 503}
        for _ in range(5):
            await checked_for(rig, checks, 1.0)
            answer = await rig.ask()
            assert (answer.status, answer["retry-after"]) == (503, "1")
        for server in servers:
            await server.open()
        await checked_for(rig, checks, 1.0)
        await checked_for(rig, checks, 0.25)
        assert {(await rig.ask()).body for _ in range(6)} == {b"a", b"b", b"c"}
    assert rig.totals()["statuses"]["2xx"] == 4 * 6
