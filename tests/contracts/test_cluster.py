"""What every `Cluster` must do, whoever runs it."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from scenarios import runtime
from scenarios.cluster import docker
from scenarios.cluster.attached import AttachedCluster
from scenarios.cluster.balancers import BALANCERS
from scenarios.cluster.base import Cluster
from scenarios.cluster.door import open_door
from scenarios.cluster.processes import ProcessCluster
from scenarios.cluster.programs import find_program
from scenarios.errors import LabError
from scenarios.events import complaint
from scenarios.folds.fold import Fold
from tests.scenarios.cluster.traffic import ask, feed, load, member

COUNTS = {"requests", "with_session", "logged_out", "outcomes", "statuses", "errors", "retried", "moved"}


DOCKER = pytest.param("docker", marks=[pytest.mark.slow, pytest.mark.timeout(300)])


PROXIES = [name for name in BALANCERS if name != "ours"]


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("attached", *PROXIES)]


@pytest.fixture(params=["processes", *SLOW, DOCKER])
def by(request: pytest.FixtureRequest) -> str:
    """Who runs the cluster, or which proxy stands in front of it."""
    who: str = request.param
    if who in PROXIES and not find_program(who) and not os.environ.get("SESSION_LAB_REQUIRE_PROXIES"):
        pytest.skip(f"no {who} here: install it, or set SESSION_LAB_REQUIRE_PROXIES")
    return who


@pytest.fixture
async def cluster(by: str, request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="lab-", dir="/tmp"))
    environ = {"XDG_RUNTIME_DIR": str(folder)}
    place = runtime.claim("c", environ)
    try:
        if by == "docker":
            processes = await docker.start(place.folder, servers=2, environ=request.getfixturevalue("docker_environ"))
        else:
            options = {"keep": (place.lock,), "environ": {"PATH": "/usr/bin"}}
            balancer = by if by in PROXIES else "ours"
            processes = await ProcessCluster.start(place.folder, servers=2, balancer=balancer, **options)
        async with processes, open_door(processes, place.folder / runtime.DOOR):
            if by == "attached":
                yield await AttachedCluster.attach("c", environ)
            else:
                yield processes
    finally:
        place.release()
        shutil.rmtree(folder)


async def test_state_tells_everything_lab_status_shows(cluster: Cluster, by: str) -> None:
    async with member(cluster.url) as ravi:
        outcomes = [(await ask(ravi, "/account"))[1] for _ in range(4)]
    state = await cluster.state()
    assert state.keys() == {
        "url", "policy", "store", "requests", "with_session", "logged_out", "logout_rate", "theory_rate", "since",
        "servers", "behind",
    }  # fmt: skip
    assert state["behind"] == (by if by in PROXIES else "ours")
    assert (state["url"], state["policy"], state["store"]) == (cluster.url, "round_robin", "memory")
    assert (state["requests"], state["with_session"]) == (5, 4)
    assert state["logged_out"] == outcomes.count("unknown") == 2
    assert state["logout_rate"] == state["theory_rate"] == 0.5
    one, two = state["servers"]
    assert one.keys() == {
        "name", "address", "pid", "healthy", "health", "requests", "sessions", "cpu", "outcomes", "errors",
    }  # fmt: skip
    assert (one["name"], two["name"]) == ("server-1", "server-2")
    assert sorted((one["sessions"], two["sessions"])) == [0, 1]
    assert one["requests"] + two["requests"] == 5
    assert one["outcomes"].get("unknown", 0) + two["outcomes"].get("unknown", 0) == 2
    assert one["healthy"]
    assert (one["health"], one["errors"]) == ("up", 0)
    assert one["pid"] != two["pid"]
    assert 0 < one["cpu"] < 60


async def test_counts_since_the_last_change(cluster: Cluster) -> None:
    started = (await cluster.state())["since"]
    assert started.keys() == {"what", "detail", "time", "requests", "with_session", "logged_out", "logout_rate"}
    assert (started["what"], started["requests"], started["logout_rate"]) == ("start", 0, None)
    async with member(cluster.url) as ravi:
        for _ in range(4):
            await ask(ravi, "/account")
        assert (await cluster.state())["since"]["logout_rate"] == 0.5
        await cluster.switch(store="sqlite", policy="two_choices", migrate=True)
        for _ in range(3):
            await ask(ravi, "/account")
    state = await cluster.state()
    since = state["since"]
    assert since["time"] > started["time"]
    assert (since["what"], since["detail"]) == ("switch", "sqlite, two_choices")
    assert (since["requests"], since["with_session"], since["logged_out"], since["logout_rate"]) == (3, 3, 0, 0.0)
    assert (state["with_session"], state["logged_out"], state["theory_rate"]) == (7, 2, 0.0)
    await cluster.kill("server-2")
    await cluster.switch(store="memory")
    await cluster.restart("server-2")
    await cluster.scale(4)
    last = await cluster.state()
    assert (last["since"]["what"], last["since"]["detail"], last["theory_rate"]) == ("scale", "to 4", 0.75)


async def test_what_is_written_down_now(cluster: Cluster) -> None:
    async with feed(cluster) as events, member(cluster.url):
        received = (await events.until(kind="request", path="/login"))["received"]
    own = (await cluster.logbooks())["logbooks"]
    assert [(book["name"], book["store"], book["servers"]) for book in own] == [
        ("server-1", "memory", ["server-1"]),
        ("server-2", "memory", ["server-2"]),
    ]
    assert sorted(book["sessions"] for book in own) == [0, 1]
    (entry,) = [entry for book in own for entry in book["entries"]]
    assert (entry["user"], entry["hash"]) == ("ravi", received)
    assert entry.keys() == {"id", "hash", "user", "age", "idle"}
    assert len(entry["id"]) == 10
    assert 0 <= entry["idle"] <= entry["age"] < 60
    await cluster.switch(store="sqlite", migrate=True)
    await cluster.pause("server-1")
    (shared,) = (await cluster.logbooks())["logbooks"]
    assert (shared["name"], shared["servers"], shared["trouble"]) == ("sqlite", ["server-1", "server-2"], None)
    assert [entry["hash"] for entry in shared["entries"]] == [received]
    assert (await cluster.logbooks(limit=0))["logbooks"][0] == {**shared, "entries": []}


async def test_logbooks_that_nobody_can_read_out_say_why(cluster: Cluster) -> None:
    await cluster.pause("server-1")
    await cluster.kill("server-2")
    books = (await cluster.logbooks())["logbooks"]
    assert [(book["trouble"], book["sessions"], book["entries"]) for book in books] == [
        ("paused", None, []),
        ("not running", None, []),
    ]


async def test_drain_and_undrain(cluster: Cluster, by: str) -> None:
    await cluster.switch(policy="sticky_cookie")
    async with member(cluster.url) as ravi:
        assert [(await ask(ravi, "/whoami"))[1] for _ in range(2)] == ["hit", "hit"]
        await cluster.drain("server-1")
        state = await cluster.state()
        assert [server["health"] for server in state["servers"]] == ["draining", "up"]
        if by != "traefik":  # whose file has no word for it
            assert (await ask(ravi, "/whoami"))[1] == "hit", "it keeps its own"
        async with load(cluster.url) as new:
            await new.until(20)
        assert (new.servers, new.lost) == ({"server-2"}, [])
    async with feed(cluster) as events:
        await cluster.undrain("server-1")
        await events.until(what="undrained", detail="server-1")
        assert [event["what"] for event in events.events if event.get("detail") == "server-1"] == [
            "undrain",
            "undrained",
        ]
    assert [server["health"] for server in (await cluster.state())["servers"]] == ["up", "up"]


async def test_counters_outlive_the_servers_that_counted(cluster: Cluster) -> None:
    async with load(cluster.url) as clicks:
        await clicks.until(20)
    counted = await cluster.counters()
    assert counted.keys() >= COUNTS
    assert counted["requests"] == clicks.answered
    await cluster.scale(1)
    assert (await cluster.counters())["requests"] == clicks.answered


async def test_scale_names_servers_in_order(cluster: Cluster) -> None:
    await cluster.scale(4)
    assert cluster.names() == ["server-1", "server-2", "server-3", "server-4"]
    await cluster.scale(1)
    assert cluster.names() == ["server-1"]
    with pytest.raises(LabError, match="choose 1 to"):
        await cluster.scale(0)


async def test_kill_and_restart(cluster: Cluster) -> None:
    before = (await cluster.state())["servers"][1]["pid"]
    await cluster.kill("server-2")
    assert (await cluster.state())["servers"][1]["pid"] is None
    with pytest.raises(LabError, match="server-2 is not running: restart it"):
        await cluster.kill("server-2")
    await cluster.restart("server-2")
    after = (await cluster.state())["servers"][1]
    assert after["healthy"]
    assert after["pid"] not in (None, before)
    assert cluster.names() == ["server-1", "server-2"]


async def test_pause_and_resume(cluster: Cluster) -> None:
    before = (await cluster.state())["servers"]
    await cluster.pause("server-1")
    paused = (await cluster.state())["servers"]
    assert [server["pid"] for server in paused] == [server["pid"] for server in before]
    assert [server["health"] for server in paused] == ["paused", "up"]
    await cluster.resume("server-1")
    async with feed(cluster):
        assert (await cluster.state())["servers"][0]["pid"] == before[0]["pid"]


async def test_partition_and_reconnect(cluster: Cluster, by: str) -> None:
    """Cut off it lives, keeps what it knows, and is known to the lab; its users are moved, and find it again after."""
    await cluster.switch(policy="sticky_cookie")
    before = (await cluster.state())["servers"]
    async with feed(cluster) as events, member(cluster.url) as ravi:
        home = (await events.until(kind="request", path="/login"))["server"]
        await cluster.partition(home)
        state = await cluster.state()
        assert [server["pid"] for server in state["servers"]] == [server["pid"] for server in before]
        (cut,) = [server for server in state["servers"] if server["name"] == home]
        assert (cut["health"], cut["sessions"]) == ("partitioned", 1)
        if by not in PROXIES:  # whose checks are their own affair, and nginx has none
            await events.until(what="down", detail=home)
            async with load(cluster.url) as clicks:
                await clicks.until(20)
            assert (clicks.servers, clicks.lost) == ({*cluster.names()} - {home}, [])
        with pytest.raises(LabError, match="is cut off: reconnect it first"):
            await cluster.slow(home, 0.1)
        await cluster.reconnect(home)
        if by not in PROXIES:
            await events.until(what="up", detail=home)
        state = await cluster.state()
        assert [server["health"] for server in state["servers"]] == ["up", "up"]
        assert [server["address"] for server in state["servers"]] == [server["address"] for server in before]
        assert await ask(ravi, "/whoami") == (200, "hit", "ravi")
    await cluster.reconnect(home)


async def test_slow_and_reconnect(cluster: Cluster, by: str) -> None:
    """Late, and all the same: nothing fails, no count begins anew."""
    await cluster.switch(store="redis")
    async with member(cluster.url) as ravi:

        async def took(server: str) -> float:
            """Seconds of the first request that this server answers."""
            while True:
                begun = time.perf_counter()
                async with ravi.get("/whoami") as answer:
                    assert ((await answer.json())["user"], answer.headers["Session-Outcome"]) == ("ravi", "hit")
                if answer.headers["Served-By"] == server:
                    return time.perf_counter() - begun

        await took("server-2")
        before = (await cluster.state())["servers"]
        async with load(cluster.url, clients=4) as clicks:
            for how in ({"delay": 0.2}, {"delay": 0.3, "jitter": 0.1, "rate": 1_000_000}):
                await cluster.slow("server-2", **how)
                assert await took("server-2") >= 0.2
            state = (await cluster.state())["servers"]
            assert [(server["health"], server["healthy"]) for server in state] == [("up", True), ("slow", True)]
            assert [server["pid"] for server in state] == [server["pid"] for server in before]
            assert state[1]["requests"] > before[1]["requests"]
            with pytest.raises(LabError, match="a delay of 0 ms: choose"):
                await cluster.slow("server-2", 0.0)
            with pytest.raises(LabError, match="is slow: mend it first"):
                await cluster.partition("server-2")
            await cluster.reconnect("server-2")
            await clicks.until(20)
        if by not in PROXIES:  # one that is given another configuration closes its users' connections at rest
            assert clicks.lost == []
        while await took("server-2") >= 0.2:  # on a busy machine, too, until it is as fast as it was
            pass
    assert [server["health"] for server in (await cluster.state())["servers"]] == ["up", "up"]


async def test_a_server_with_a_bad_network_may_end_as_any_other(cluster: Cluster) -> None:
    await cluster.scale(3)
    await cluster.partition("server-1")
    await cluster.slow("server-2", 0.05)
    await cluster.slow("server-3", 0.05)
    await cluster.kill("server-2")
    for method in ("partition", "reconnect"):
        with pytest.raises(LabError, match="server-2 is not running: restart it"):
            await getattr(cluster, method)("server-2")
    with pytest.raises(LabError, match="server-2 is not running: restart it"):
        await cluster.slow("server-2", 0.05)
    await cluster.restart("server-1")
    await cluster.restart("server-2")
    await cluster.scale(2)
    assert [server["health"] for server in (await cluster.state())["servers"]] == ["up", "up"]
    async with load(cluster.url) as clicks:
        await clicks.until(20)
    assert (clicks.servers, clicks.lost) == ({"server-1", "server-2"}, [])


async def test_switch_both_ways(cluster: Cluster) -> None:
    async with member(cluster.url) as ravi:
        assert (await cluster.switch(store="redis", policy="two_choices", migrate=True))["moved"] == 1
        assert (await cluster.switch(store="memory", migrate=True))["moved"] == 1, "a session, not a copy"
        await cluster.switch(store="redis", migrate=True)
        assert [(await ask(ravi, "/whoami"))[1] for _ in range(6)] == ["hit"] * 6
        state = await cluster.state()
        assert (state["store"], state["policy"]) == ("redis", "two_choices")
    with pytest.raises(LabError, match="r0und_robin"):
        await cluster.switch(policy="r0und_robin")
    with pytest.raises(LabError, match="did you mean 'redis'"):
        await cluster.switch(store="redsi")


async def test_a_store_that_will_be_needed(cluster: Cluster) -> None:
    await cluster.need("redis")
    assert (await cluster.state())["store"] == "memory"
    with pytest.raises(LabError, match="did you mean 'redis'"):
        await cluster.need("redsi")


async def test_store_outage(cluster: Cluster) -> None:
    with pytest.raises(LabError, match="memory store is no server"):
        await cluster.stop_store()
    await cluster.switch(store="redis")
    async with member(cluster.url) as ravi:
        await cluster.stop_store()
        assert (await ask(ravi, "/account"))[:2] == (503, "store_error")
        await cluster.start_store()
        assert await ask(ravi, "/whoami") == (200, "hit", "ravi")
    with pytest.raises(LabError, match="nothing to start"):
        await cluster.start_store()


async def test_the_feed_carries_requests_marks_and_switches(cluster: Cluster) -> None:
    async with feed(cluster) as events, member(cluster.url):
        request = await events.until(kind="request", path="/login")
        assert request["server"] in cluster.names()
        assert request["store"] == "memory"
        await cluster.mark(kind="ticket", user="ravi", text="I keep getting logged out!")
        ticket = await events.until(kind="ticket", user="ravi")
        assert ticket["time"] >= request["time"]
        await cluster.switch(store="sqlite", policy="rendezvous")
        assert (await events.until(kind="mark", what="policy"))["detail"] == "rendezvous"
        assert (await events.until(kind="mark", what="store"))["detail"] == "sqlite"
        await cluster.scale(3)
        await events.until(kind="servers", servers=["server-1", "server-2", "server-3"])


@pytest.mark.parametrize("method", ["kill", "pause", "resume", "partition", "reconnect", "restart", "drain", "undrain"])
async def test_unknown_servers_are_named(cluster: Cluster, method: str) -> None:
    with pytest.raises(LabError, match="no server is called 'server-9'; choose"):
        await getattr(cluster, method)("server-9")
    with pytest.raises(LabError, match="no server is called 'server-9'; choose"):
        await cluster.slow("server-9", 0.1)


async def test_what_servers_ask_of_their_logbooks_is_told(cluster: Cluster) -> None:
    calls = await cluster.store_calls()
    async with member(cluster.url) as ravi:
        outcomes = [(await ask(ravi, "/account"))[1] for _ in range(2)]
    heard = [await anext(calls) for _ in range(4)]  # the login's commit, a hit, and a miss with its second question
    await calls.aclose()
    assert sorted(outcomes) == ["hit", "unknown"]
    assert {call["server"] for call in heard} == {"server-1", "server-2"}
    assert {call["store"] for call in heard} == {"memory"}
    assert sorted(call["do"] for call in heard) == ["commit", "find", "find", "find"]
    assert len({call["hash"] for call in heard}) == 1


async def until_found_out(url: str) -> None:
    """A killed server is met by nobody any more: Traefik lets people meet it until its health check has failed."""
    async with aiohttp.ClientSession() as http:
        met = 0
        while met < 20:
            async with http.get(url) as answer:
                met = met + 1 if answer.status == 200 else 0


async def test_a_feed_may_begin_with_how_the_cluster_stands(cluster: Cluster, by: str) -> None:
    """Folded, it shows what `state` says, though it began under traffic; servers in trouble, too."""
    await cluster.scale(6)
    fold = Fold()
    async with feed(cluster) as events:
        await cluster.drain("server-2")
        await cluster.slow("server-4", 0.01)
        if by in PROXIES:  # nginx has no health checks: whom a silent server keeps waiting, it keeps waiting
            await cluster.kill("server-1")
            await until_found_out(cluster.url)
        else:
            await cluster.pause("server-1")
            await cluster.partition("server-3")
            await events.until(kind="mark", what="down", detail="server-1")
            await events.until(kind="mark", what="down", detail="server-3")
    async with load(cluster.url, method="GET", path="/", cookies=True) as clicks, member(cluster.url) as ravi:
        await clicks.until(50)
        for _ in range(5):
            await ask(ravi, "/account")

        async def read() -> None:
            async for event in cluster.events(begin=True):
                assert complaint(event) is None
                fold.feed(event)
                if event.get("what") == "enough":
                    return

        reading = asyncio.create_task(read())
        await clicks.until(50)
    state = await cluster.state()
    await cluster.mark(what="enough", detail="")
    await asyncio.wait_for(reading, 15)
    assert (fold.store, fold.policy, fold.law) == ("memory", "round_robin", 1 - 1 / (4 if by in PROXIES else 3))
    counts = (fold.totals.requests, fold.totals.with_session, fold.totals.logged_out)
    assert counts == (state["requests"], state["with_session"], state["logged_out"])
    rows = {row.name: (row.health, row.requests, row.known, row.unknown) for row in fold.servers.values()}
    assert rows == {
        row["name"]: (row["health"], row["requests"], row["outcomes"].get("hit", 0), row["outcomes"].get("unknown", 0))
        for row in state["servers"]
    }
    one, three = ("down", "up") if by in PROXIES else ("paused", "partitioned")
    assert [row.health for row in fold.servers.values()] == [one, "draining", three, "slow", "up", "up"]
