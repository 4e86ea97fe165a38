"""The users of `lab up`: their number changes in order, and they rest while a scenario has the stage."""

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scenarios import daemon
from scenarios.cluster.attached import AttachedCluster
from scenarios.crowd import Crowd
from scenarios.daemon import Wanted, open_lab
from scenarios.errors import LabError
from tests.scenarios.cluster.traffic import feed
from tests.scenarios.conftest import StartCluster


@pytest.fixture
async def lab(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AttachedCluster]:
    """A lab as `lab up --servers 2 --users 3` runs it, but quicker, seen through its door."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_folder))
    monkeypatch.setattr(daemon, "THINK", 0.02)
    wanted = Wanted("c", 2, "memory", "round_robin", "keep", users=3, seed=1, port=0)
    async with open_lab(wanted):
        yield await AttachedCluster.attach("c")


async def shopping(lab: AttachedCluster, requests: int = 60) -> set[str]:
    """Names of the users who make the next requests."""
    async with feed(lab) as events:
        return {event["user"] for event in await events.requests(requests)}


async def test_users_come_and_go(lab: AttachedCluster) -> None:
    assert await shopping(lab) == {"ravi", "user01", "user02"}
    async with feed(lab) as events:
        assert await lab.ask("users", count=5) == {"users": 5}
        await events.until(kind="mark", what="users", detail="to 5")
    assert await shopping(lab) == {"ravi", "user01", "user02", "user03", "user04"}
    await lab.ask("users", count=1)
    assert await shopping(lab) == {"ravi"}
    await lab.ask("users", count=0)
    counted = (await lab.counters())["requests"]
    await lab.ask("users", count=0)
    assert (await lab.state())["users"] == 0
    assert (await lab.counters())["requests"] == counted
    for wrong in (-1, 61, "many", True):
        with pytest.raises(LabError, match="choose 0 to 60"):
            await lab.ask("users", count=wrong)


async def test_nobody_is_sent_home_in_the_middle_of_a_request(start_cluster: StartCluster) -> None:
    """Or the users would not have counted what the balancer has."""
    cluster = await start_cluster(servers=2)
    crowd = Crowd(cluster.url, users=10, seed=1, think=0.001)
    crowd.start()
    try:
        await crowd.traffic.allow(math.inf)
        async with feed(cluster) as events:
            for number, users in enumerate((60, 2, 40, 0, 30), start=1):
                await crowd.resize(users)
                assert len(crowd.shoppers) == users
                if users:
                    await events.requests(200 * number)
        await crowd.traffic.stop()
        counted = await cluster.counters()
    finally:
        await crowd.close()
    assert crowd.felt.failed == 0
    assert (crowd.felt.requests, crowd.felt.logged_out) == (counted["requests"], counted["logged_out"])


async def test_the_same_user_does_the_same_whoever_else_is_there(start_cluster: StartCluster) -> None:
    clicked = []
    for users in (1, 12):
        cluster = await start_cluster(servers=1)
        crowd = Crowd(cluster.url, users=0, seed=5, think=0.001)
        crowd.start()
        async with feed(cluster) as events:
            await crowd.resize(users)
            await crowd.traffic.allow(math.inf)
            heard = [event for event in await events.requests(40 * users) if event["user"] == "ravi"]
            clicked.append([(event["method"], event["path"]) for event in heard][:20])
        await crowd.close()
    assert len(clicked[0]) == 20
    assert clicked[0] == clicked[1]


async def test_the_stage_is_given_to_one_at_a_time(lab: AttachedCluster) -> None:
    async with lab.stage("first"):
        assert (await lab.ask("about"))["playing"]["what"] == "first"
        resting = (await lab.counters())["requests"]
        with pytest.raises(LabError, match=r"first is being played on this lab since \d\d:\d\d:\d\d: wait for its end"):
            async with lab.stage("second"):
                pass
        await lab.ask("users", count=6)
        assert (await lab.counters())["requests"] == resting
    assert await shopping(lab, 120) == {"ravi", "user01", "user02", "user03", "user04", "user05"}
    assert (await lab.state())["playing"] is None
    async with lab.stage("third"):
        pass
