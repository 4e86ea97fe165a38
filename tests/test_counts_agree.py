"""Three counters - the balancer's, the virtual users', locust's - reconciled row by row on a quiet run."""

from pathlib import Path
from typing import Any

import pytest

from scenarios.crowd import Crowd
from tests.scenarios.conftest import StartCluster, start_cluster
from tests.scenarios.load.swarm import swarm

__all__ = ["start_cluster"]

COUNTED = ("requests", "with_session", "logged_out")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param((), id="one process"),
        pytest.param(("--processes", "2"), id="master and workers", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    ("store", "on_unknown"),
    [
        ("memory", "keep"),
        pytest.param("memory", "replace", marks=pytest.mark.slow),
        pytest.param("redis", "keep", marks=pytest.mark.slow),
    ],
)
async def test_three_counters_agree(
    start_cluster: StartCluster, tmp_path: Path, store: str, on_unknown: str, words: tuple[str, ...]
) -> None:
    cluster = await start_cluster(servers=3, store=store, on_unknown=on_unknown)
    crowd = Crowd(cluster.url, users=20, seed=3, think=0.01)
    crowd.start()
    try:
        felt = await crowd.shop(500)
    finally:
        await crowd.close()
    after_crowd = await counted(cluster)
    done = await swarm(cluster.url, tmp_path, *words, users=30, seconds=2)
    after_locust = await counted(cluster)

    for count in COUNTED:
        assert after_crowd["all"][count] == getattr(felt, count), f"virtual users and balancer, {count}"
        locusts = after_locust["all"][count] - after_crowd["all"][count]
        assert done.total(count) == locusts, f"locust and balancer, {count}"
    assert done.last["requests"] == done.total("requests") > 30  # locust's own statistics
    assert done.row("LOGOUT") == done.total("logged_out")
    assert (done.total("logged_out") > 0) is (store == "memory")
    for server in ("server-1", "server-2", "server-3"):
        for count in COUNTED:
            balancers = after_locust[server][count] - after_crowd[server][count]
            assert done.last["tally"]["servers"][server][count] == balancers, f"{server}, {count}"
    for count in COUNTED:
        by_doing = sum(felt[count] for felt in done.last["tally"]["doing"].values())
        assert by_doing == done.total(count), f"by what users were doing, {count}"


async def counted(cluster: Any) -> dict[str, dict[str, int]]:
    """The balancer's counts: of all, and of each server."""
    backends = (await cluster.balancer.state())["backends"]
    return {"all": await cluster.counters(), **{backend["name"]: backend for backend in backends}}
