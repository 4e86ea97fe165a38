"""What stands in a server's way goes with it, and its users lose nothing when it comes and goes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from scenarios.cluster.processes import ProcessCluster
from scenarios.errors import LabError
from tests.scenarios.cluster.leftovers import assert_nothing_left
from tests.scenarios.cluster.traffic import load


@pytest.fixture
async def cluster(folder: Path) -> AsyncIterator[ProcessCluster]:
    async with await ProcessCluster.start(folder, servers=2, environ={"PATH": "/usr/bin"}) as cluster:
        yield cluster
    assert_nothing_left(folder)


def processes(cluster: ProcessCluster) -> int:
    return len(psutil.Process(cluster.nursery_pid).children())


async def test_no_relay_is_left(cluster: ProcessCluster) -> None:
    before = processes(cluster)
    await cluster.slow("server-2", 0.05)
    await cluster.slow("server-2", 0.02)
    assert processes(cluster) == before + 1
    await cluster.reconnect("server-2")
    assert processes(cluster) == before
    for end in (cluster.restart, cluster.kill):
        await cluster.slow("server-2", 0.02)
        await end("server-2")
    assert processes(cluster) == before - 1
    await cluster.restart("server-2")
    await cluster.slow("server-2", 0.02)
    await cluster.scale(1)
    assert processes(cluster) == before - 1


async def test_a_lab_may_end_with_networks_as_they_are(cluster: ProcessCluster) -> None:
    """The fixture looks at what is left."""
    await cluster.slow("server-1", 0.05)
    await cluster.partition("server-2")


async def test_a_server_that_is_killed_while_it_is_slowed_leaves_no_relay(cluster: ProcessCluster) -> None:
    before = processes(cluster)
    slowing = asyncio.ensure_future(cluster.slow("server-2", 0.05))
    await asyncio.sleep(0)
    await cluster.kill("server-2")
    with suppress(LabError):  # whichever was first
        await slowing
    assert processes(cluster) == before - 1


async def test_a_paused_server_is_left_as_it_is(cluster: ProcessCluster) -> None:
    await cluster.pause("server-1")
    with pytest.raises(LabError, match=r"server-1 is paused: resume it first \(lab resume server-1\)"):
        await cluster.partition("server-1")
    await cluster.resume("server-1")
    await cluster.partition("server-1")
    await cluster.pause("server-1")
    with pytest.raises(LabError, match="resume it first"):
        await cluster.reconnect("server-1")
    await cluster.resume("server-1")
    await cluster.reconnect("server-1")
    assert [server["health"] for server in (await cluster.state())["servers"]] == ["up", "up"]


async def test_slow_comes_and_goes_under_load_and_no_request_is_lost(cluster: ProcessCluster) -> None:
    async with load(cluster.url) as clicks:
        for delay in (0.01, 0.02):
            await cluster.slow("server-2", delay)
            await clicks.until(40)
            await cluster.reconnect("server-2")
            await clicks.until(40)
        await cluster.slow("server-1", 0.01)
        await cluster.restart("server-1")
        await clicks.until(40)
    assert clicks.lost == []
