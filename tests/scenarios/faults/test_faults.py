"""Faults heal when their block is left, however it is left."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from scenarios.cluster.base import Cluster
from scenarios.cluster.processes import ProcessCluster
from scenarios.faults.kill import kill
from scenarios.faults.partition import partition
from scenarios.faults.pause import pause
from scenarios.faults.slow import slow
from scenarios.faults.store_outage import store_outage
from tests.scenarios.cluster.traffic import ask, load, member

Fault = Callable[[Cluster], AbstractAsyncContextManager[None]]

SERVER_FAULTS: dict[str, Fault] = {
    "kill": lambda cluster: kill(cluster, "server-2"),
    "pause": lambda cluster: pause(cluster, "server-2"),
    "partition": lambda cluster: partition(cluster, "server-2"),
    "slow": lambda cluster: slow(cluster, "server-2", 0.05, jitter=0.01),
}
STORE_FAULTS: dict[str, Fault] = {
    "refused": store_outage,
    "hung": lambda cluster: store_outage(cluster, hang=True),
}


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="lab-", dir="/tmp"))
    async with await ProcessCluster.start(folder, servers=2, store="redis", environ={"PATH": "/usr/bin"}) as cluster:
        yield cluster
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("fault", SERVER_FAULTS.values(), ids=SERVER_FAULTS)
async def test_a_server_serves_again_after_an_exception(cluster: Cluster, fault: Fault) -> None:
    with pytest.raises(ZeroDivisionError):
        async with fault(cluster):
            1 / 0  # noqa: B018
    async with load(cluster.url) as clicks:
        while "server-2" not in clicks.servers:
            await clicks.until(1)
    assert clicks.lost == []


@pytest.mark.parametrize("fault", SERVER_FAULTS.values(), ids=SERVER_FAULTS)
async def test_a_server_scaled_away_meanwhile_needs_no_healing(cluster: Cluster, fault: Fault) -> None:
    async with fault(cluster):
        await cluster.scale(1)
    assert cluster.names() == ["server-1"]


@pytest.mark.parametrize("fault", STORE_FAULTS.values(), ids=STORE_FAULTS)
async def test_the_store_remembers_after_an_exception(cluster: Cluster, fault: Fault) -> None:
    async with member(cluster.url) as ravi:

        async def fail_inside() -> None:
            async with fault(cluster):
                assert (await ask(ravi, "/account"))[0] == 503
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail_inside()
        assert await ask(ravi, "/whoami") == (200, "hit", "ravi")
