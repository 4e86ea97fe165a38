"""`theory.steady_rate` beside real clusters: every policy, with own logbooks and a shared one, for each answer to an
unknown ID. Each cell has users of its own, so none begins with what the cell before it has left in their jars."""

import pytest

from balancer.policies import POLICIES
from scenarios import theory
from scenarios.crowd import Crowd
from scenarios.intervals import wilson
from tests.scenarios.conftest import StartCluster

Z = 4.5


@pytest.mark.slow
@pytest.mark.parametrize(("servers", "on_unknown"), [(2, "keep"), (3, "clear"), (5, "replace")])
async def test_every_policy_on_either_store(start_cluster: StartCluster, servers: int, on_unknown: str) -> None:
    cluster = await start_cluster(servers=servers, on_unknown=on_unknown)
    disagree = {}
    for store in ("memory", "redis"):
        for policy in POLICIES:
            await cluster.switch(store=store, policy=policy)
            crowd = Crowd(cluster.url, users=20, seed=1, think=0.1)  # servers are idle most of the time: HOLDS_WHEN
            crowd.start()
            try:
                felt = await crowd.shop(400)
            finally:
                await crowd.close()
            law = theory.steady_rate(servers, store, policy, on_unknown)
            low, high = wilson(felt.logged_out, felt.with_session, Z)
            if not low <= law <= high or (law == 0 and felt.logged_out):
                disagree[store, policy] = (felt.logged_out, felt.with_session, law)
    assert not disagree
