"""What every `Cluster` must do, whoever runs it."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scenarios import runtime
from scenarios.cluster.attached import AttachedCluster
from scenarios.cluster.base import Cluster
from scenarios.cluster.door import open_door
from scenarios.cluster.processes import ProcessCluster
from scenarios.errors import LabError
from tests.scenarios.cluster.traffic import ask, feed, load, member

COUNTS = {"requests", "with_session", "logged_out", "outcomes", "statuses", "errors", "retried", "moved"}


@pytest.fixture(params=["processes", "attached"])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="lab-", dir="/tmp"))
    environ = {"XDG_RUNTIME_DIR": str(folder)}
    place = runtime.claim("c", environ)
    try:
        path = {"PATH": "/usr/bin"}
        processes = await ProcessCluster.start(place.folder, servers=2, keep=(place.lock,), environ=path)
        async with processes, open_door(processes, place.folder / runtime.DOOR):
            if request.param == "attached":
                yield await AttachedCluster.attach("c", environ)
            else:
                yield processes
    finally:
        place.release()
        shutil.rmtree(folder)


async def test_state_tells_everything_lab_status_shows(cluster: Cluster) -> None:
    async with member(cluster.url) as ravi:
        outcomes = [(await ask(ravi, "/account"))[1] for _ in range(4)]
    state = await cluster.state()
    assert state.keys() == {
        "url", "policy", "store", "requests", "with_session", "logged_out", "logout_rate", "servers",
    }  # fmt: skip
    assert (state["url"], state["policy"], state["store"]) == (cluster.url, "round_robin", "memory")
    assert (state["requests"], state["with_session"]) == (5, 4)
    assert state["logged_out"] == outcomes.count("unknown") == 2
    assert state["logout_rate"] == 0.5
    one, two = state["servers"]
    assert one.keys() == {"name", "address", "pid", "healthy", "requests", "sessions", "outcomes"}
    assert (one["name"], two["name"]) == ("server-1", "server-2")
    assert sorted((one["sessions"], two["sessions"])) == [0, 1]
    assert one["requests"] + two["requests"] == 5
    assert one["outcomes"].get("unknown", 0) + two["outcomes"].get("unknown", 0) == 2
    assert one["healthy"]
    assert one["pid"] != two["pid"]


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
    await cluster.resume("server-1")
    async with feed(cluster):
        assert (await cluster.state())["servers"][0]["pid"] == before[0]["pid"]


async def test_switch_both_ways(cluster: Cluster) -> None:
    async with member(cluster.url) as ravi:
        assert (await cluster.switch(store="redis", policy="random", migrate=True))["moved"] == 1
        assert [(await ask(ravi, "/whoami"))[1] for _ in range(6)] == ["hit"] * 6
        state = await cluster.state()
        assert (state["store"], state["policy"]) == ("redis", "random")
    with pytest.raises(LabError, match="rand0m"):
        await cluster.switch(policy="rand0m")
    with pytest.raises(LabError, match="did you mean 'redis'"):
        await cluster.switch(store="redsi")


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
        await cluster.switch(store="sqlite", policy="ip_hash")
        assert (await events.until(kind="mark", what="policy"))["detail"] == "ip_hash"
        assert (await events.until(kind="mark", what="store"))["detail"] == "sqlite"
        await cluster.scale(3)
        await events.until(kind="servers", servers=["server-1", "server-2", "server-3"])


@pytest.mark.parametrize("method", ["kill", "pause", "resume", "restart"])
async def test_unknown_servers_are_named(cluster: Cluster, method: str) -> None:
    with pytest.raises(LabError, match="no server named 'server-9': did you mean"):
        await getattr(cluster, method)("server-9")


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
