"""The cluster of real processes under traffic: it grows, shrinks, is hurt and heals without losing a request."""

import asyncio
import os
import socket
import stat
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from redis import asyncio as redis

from scenarios.cluster.nursery_children import NurseryChildren
from scenarios.cluster.processes import ProcessCluster
from scenarios.errors import LabError
from scenarios.faults.kill import kill
from scenarios.faults.pause import pause
from scenarios.faults.store_outage import store_outage
from tests.scenarios.cluster.leftovers import assert_nothing_left, processes_of
from tests.scenarios.cluster.traffic import ask, feed, load, member


async def test_ten_servers_answer_and_leave_nothing(folder: Path) -> None:
    async with await ProcessCluster.start(folder, servers=10) as cluster:
        assert cluster.names() == [f"server-{number}" for number in range(1, 11)]
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        seen = set()
        async with aiohttp.ClientSession() as http:
            for _ in cluster.names():
                async with http.get(f"{cluster.url}/health") as answer:
                    assert answer.status == 200
                    seen.add(answer.headers["Served-By"])
        assert seen == set(cluster.names())
        pids = {server["pid"] for server in (await cluster.state())["servers"]}
        assert len(pids) == 10
        port = int(cluster.url.rpartition(":")[2])
    assert_nothing_left(folder)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    with socket.create_server(("127.0.0.1", port), reuse_port=False):
        pass


async def test_scaling_up_and_down_under_load_loses_nothing(folder: Path) -> None:
    async with await ProcessCluster.start(folder, servers=1) as cluster, load(cluster.url) as clicks:
        await clicks.until(100)
        await cluster.scale(10)
        await clicks.until(200)
        assert clicks.servers == {f"server-{number}" for number in range(1, 11)}
        await cluster.scale(3)
        clicks.servers.clear()
        await clicks.until(100)
        assert clicks.servers <= {"server-1", "server-2", "server-3"}
        assert cluster.names() == ["server-1", "server-2", "server-3"]
    assert clicks.lost == []


async def test_sticky_users_are_moved_without_a_lost_request(folder: Path) -> None:
    async with await ProcessCluster.start(folder, servers=4, policy="sticky_cookie") as cluster:
        async with load(cluster.url, cookies=True) as clicks:
            await clicks.until(100)
            await cluster.scale(2)
            await clicks.until(100)
            await cluster.restart("server-1")
            await clicks.until(100)
        assert clicks.lost == []


async def test_restarting_all_one_by_one_under_load_loses_nothing(folder: Path) -> None:
    async with await ProcessCluster.start(folder, servers=3) as cluster:
        before = {server["name"]: server["pid"] for server in (await cluster.state())["servers"]}
        async with load(cluster.url) as clicks:
            for name in cluster.names():
                await cluster.restart(name)
                await clicks.until(50)
        after = {server["name"]: server["pid"] for server in (await cluster.state())["servers"]}
    assert clicks.lost == []
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())


async def test_the_balancer_finds_out_about_a_killed_server(folder: Path) -> None:
    async with await ProcessCluster.start(folder, servers=3) as cluster, feed(cluster) as events:
        async with load(cluster.url, method="GET", path="/") as clicks:
            async with kill(cluster, "server-2"):
                await events.until(what="down", detail="server-2")
                state = {server["name"]: server for server in (await cluster.state())["servers"]}
                assert not state["server-2"]["healthy"]
                assert state["server-2"]["pid"] is None
                clicks.servers.clear()
                await clicks.until(100)
                assert clicks.servers == {"server-1", "server-3"}
            clicks.servers.clear()
            await clicks.until(100)
            assert "server-2" in clicks.servers
        assert clicks.lost == []  # what a dead server did not answer, another did


async def test_a_paused_server_is_left_out_until_it_resumes(folder: Path) -> None:
    options = {"health_interval": 0.2, "response_timeout": 1.0}
    async with (
        await ProcessCluster.start(folder, servers=2, balancer_options=options) as cluster,
        feed(cluster) as events,
    ):
        async with pause(cluster, "server-2"):
            await events.until(what="down", detail="server-2")
            async with load(cluster.url) as clicks:
                await clicks.until(50)
            assert clicks.servers == {"server-1"}
            assert clicks.lost == []
            [one, two] = (await cluster.state())["servers"]
            assert (one["healthy"], two["healthy"]) == (True, False)
            assert two["pid"] is not None
        await events.until(what="up", detail="server-2")


async def test_a_store_outage_is_an_error_and_nobody_is_logged_out_after(folder: Path) -> None:
    async with await ProcessCluster.start(folder, servers=3, store="redis") as cluster, member(cluster.url) as ravi:
        for name in ("hang", "refuse"):
            async with store_outage(cluster, hang=name == "hang"):
                assert [await ask(ravi, "/account") for _ in range(3)] == [(503, "store_error", None)] * 3
                with pytest.raises(LabError, match="stopped already"):
                    await cluster.stop_store()
            assert [await ask(ravi, "/whoami") for _ in range(3)] == [(200, "hit", "ravi")] * 3


@pytest.mark.parametrize("hang", [False, True])
async def test_the_users_own_redis_can_be_away_without_being_stopped(folder: Path, redis_url: str, hang: bool) -> None:
    settings: dict[str, Any] = {"servers": 2, "store": "redis", "environ": {"REDIS_URL": redis_url}}
    async with await ProcessCluster.start(folder, **settings) as cluster, member(cluster.url) as ravi:
        for _ in range(2):
            async with store_outage(cluster, hang=hang):
                assert [await ask(ravi, "/account") for _ in range(2)] == [(503, "store_error", None)] * 2
                async with redis.Redis.from_url(redis_url) as somebody_else:
                    assert await somebody_else.ping()
            assert [await ask(ravi, "/whoami") for _ in range(2)] == [(200, "hit", "ravi")] * 2
    assert_nothing_left(folder)


async def test_changes_while_the_users_own_redis_is_away(folder: Path, redis_url: str) -> None:
    """A new server finds it as far away as all others do; and who has left it is not brought back to it."""
    settings: dict[str, Any] = {"servers": 2, "store": "redis", "environ": {"REDIS_URL": redis_url}}
    async with await ProcessCluster.start(folder, **settings) as cluster, member(cluster.url) as ravi:
        async with store_outage(cluster):
            with pytest.raises(LabError, match=r"Redis: Error .* connecting to"):
                await cluster.scale(3)
        await cluster.scale(3)
        assert [(await ask(ravi, "/account"))[:2] for _ in range(3)] == [(200, "hit")] * 3
        async with store_outage(cluster):
            await cluster.switch(store="memory")
        assert [(await ask(ravi, "/account"))[:2] for _ in range(3)] == [(401, "unknown")] * 3


async def test_the_users_own_postgres_can_be_away_without_being_stopped(folder: Path, postgres_dsn: str) -> None:
    settings: dict[str, Any] = {"servers": 2, "store": "postgres", "environ": {"DATABASE_URL": postgres_dsn}}
    async with await ProcessCluster.start(folder, **settings) as cluster, member(cluster.url) as ravi:
        async with store_outage(cluster):
            assert [await ask(ravi, "/account") for _ in range(2)] == [(503, "store_error", None)] * 2
        assert [await ask(ravi, "/whoami") for _ in range(2)] == [(200, "hit", "ravi")] * 2


async def test_an_outage_of_our_postgres(folder: Path) -> None:
    async with (
        await ProcessCluster.start(folder, servers=2, store="postgres") as cluster,
        member(cluster.url) as ravi,
    ):
        async with store_outage(cluster):
            assert [await ask(ravi, "/account") for _ in range(2)] == [(503, "store_error", None)] * 2
        assert [await ask(ravi, "/whoami") for _ in range(2)] == [(200, "hit", "ravi")] * 2


async def test_a_migrated_switch_under_load_keeps_everybody_logged_in(folder: Path) -> None:
    async with await ProcessCluster.start(folder, servers=1) as cluster, member(cluster.url) as ravi:
        async with load(cluster.url) as clicks:
            assert (await cluster.switch(store="redis", migrate=True))["moved"] >= 1
            await cluster.scale(4)  # the new servers use the store in force
            await clicks.until(50)
        assert clicks.lost == []
        assert [await ask(ravi, "/whoami") for _ in range(4)] == [(200, "hit", "ravi")] * 4
        assert (await cluster.state())["store"] == "redis"
        async with kill(cluster, "server-1"):
            assert await ask(ravi, "/whoami") == (200, "hit", "ravi")


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
async def test_other_shared_stores_are_shared(folder: Path, store: str) -> None:
    async with await ProcessCluster.start(folder, servers=3, store=store) as cluster, member(cluster.url) as ravi:
        assert [await ask(ravi, "/whoami") for _ in range(3)] == [(200, "hit", "ravi")] * 3
    assert processes_of(folder) == []


async def test_a_server_that_slept_through_a_switch_follows(folder: Path) -> None:
    async with await ProcessCluster.start(folder, servers=2) as cluster:
        async with pause(cluster, "server-2"):
            await cluster.switch(store="sqlite")
        async with member(cluster.url) as ravi:
            assert [await ask(ravi, "/whoami") for _ in range(4)] == [(200, "hit", "ravi")] * 4


async def test_a_server_that_wakes_in_the_midst_of_a_switch_follows(folder: Path) -> None:
    async with await ProcessCluster.start(folder, servers=2) as cluster, member(cluster.url) as ravi:
        await cluster.need("redis")
        await cluster.pause("server-2")
        switch = asyncio.create_task(cluster.switch(store="redis", migrate=True))
        await asyncio.sleep(0)  # it has begun: with server-1 alone
        await cluster.resume("server-2")
        await switch
        assert [(await ask(ravi, "/account"))[:2] for _ in range(4)] == [(200, "hit")] * 4


async def test_a_switch_that_fails_leaves_the_old_store_in_force(folder: Path) -> None:
    environ = {"REDIS_URL": "redis://127.0.0.1:1"}
    async with await ProcessCluster.start(folder, servers=2, environ=environ) as cluster:
        with pytest.raises(LabError, match="REDIS_URL: nobody answers"):
            await cluster.switch(store="redis")
        assert (await cluster.state())["store"] == "memory"
        async with member(cluster.url) as ravi:
            outcomes = {(await ask(ravi, "/whoami"))[1] for _ in range(4)}
    assert outcomes == {"hit", "unknown"}


async def test_a_server_that_takes_too_long_is_not_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with await ProcessCluster.start(folder, servers=1) as cluster:
        with monkeypatch.context() as patience:
            patience.setattr(NurseryChildren, "ready_within", 0.0)
            with pytest.raises(LabError, match="server-2 was not ready within 0 s"):
                await cluster.scale(2)
        assert cluster.names() == ["server-1"]
        await cluster.scale(2)
        assert len(psutil.Process(cluster.nursery_pid).children()) == 3, "the balancer and two servers"
        with monkeypatch.context() as patience:
            patience.setattr(NurseryChildren, "ready_within", 0.0)
            with pytest.raises(LabError, match="server-2 was not ready within 0 s"):
                await cluster.restart("server-2")
        assert [row["health"] for row in (await cluster.state())["servers"]] == ["up", "down"]
        await cluster.restart("server-2")
        assert [row["health"] for row in (await cluster.state())["servers"]] == ["up", "up"]


async def test_changes_that_come_at_once_wait_for_each_other(folder: Path) -> None:
    async with await ProcessCluster.start(folder, servers=2, store="redis") as cluster:
        done = await asyncio.gather(cluster.stop_store(), cluster.stop_store(), return_exceptions=True)
        assert [str(each) for each in done] == ["None", "the redis store is stopped already: start it first"]
        done = await asyncio.gather(cluster.start_store(), cluster.start_store(), return_exceptions=True)
        assert [str(each) for each in done] == ["None", "the store has not been stopped: nothing to start"]
        await asyncio.gather(cluster.restart("server-2"), cluster.drain("server-2"))
        assert [row["health"] for row in (await cluster.state())["servers"]] == ["up", "draining"]
        await asyncio.gather(cluster.drain("server-1"), cluster.restart("server-1"))
        assert [row["health"] for row in (await cluster.state())["servers"]] == ["up", "draining"]


async def test_labs_run_side_by_side(folder: Path) -> None:
    one, two = folder / "one", folder / "two"
    starts = (ProcessCluster.start(one, servers=2), ProcessCluster.start(two, servers=1))
    first, second = await asyncio.gather(*starts)
    await first.stop()
    async with load(second.url) as clicks:
        await clicks.until(10)
    await second.stop()
    assert clicks.lost == []
    assert os.listdir(folder) == []


async def test_stopping_twice_is_no_error(folder: Path) -> None:
    cluster = await ProcessCluster.start(folder, servers=1)
    await cluster.stop()
    await cluster.stop()
    with pytest.raises(LabError, match="stop this lab and start it again"):
        await cluster.state()


async def test_an_exception_in_the_lab_leaves_nothing(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with await ProcessCluster.start(folder, servers=2):
            1 / 0  # noqa: B018
    assert_nothing_left(folder)


async def test_a_port_that_is_taken(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(LabError, match=f"port {port} on 127.0.0.1 is taken: choose another"):
            await ProcessCluster.start(folder, servers=1, port=port)
    async with await ProcessCluster.start(folder, servers=1, port=port) as cluster:
        assert cluster.url == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"servers": 0}, "0 servers: choose 1 to 100"),
        ({"servers": 1000}, "1000 servers: choose 1 to 100"),
        ({"store": "reddis"}, "unknown store 'reddis': did you mean 'redis'"),
        ({"policy": "sticky"}, "sticky"),
        ({"on_unknown": "shrug"}, "shrug"),
        ({"port": 70000}, "port 70000: choose 0"),
        ({"store": "redis", "environ": {"REDIS_URL": "redis://127.0.0.1:1"}}, "REDIS_URL: nobody answers"),
    ],
)
async def test_what_cannot_work_is_said_in_one_line(folder: Path, settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(LabError, match=complaint) as refusal:
        await ProcessCluster.start(folder, **settings)  # type: ignore[arg-type]
    assert "\n" not in str(refusal.value)
    assert processes_of(folder) == []
