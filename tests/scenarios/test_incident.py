"""The incident from start to verdict on real processes; and with each fix broken on purpose, when it must fail."""

import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from scenarios import script
from scenarios.cluster.processes import ProcessCluster
from scenarios.intervals import wilson
from scenarios.stage import Settings
from servers.control import call
from tests.scenarios.conftest import StartCluster

ACTS = ["one-server", "ten-servers", "useless-advice", "sticky", "shared-store", "price-of-sharing"]


async def play(cluster: Any, name: str = "keeps-logging-out", **settings: Any) -> dict[str, Any]:
    return await script.play(
        name, script.load(name), cluster, Settings(**settings), lambda record, text: None, limit=90
    )


def failed_checks(result: dict[str, Any], act: str) -> list[str]:
    record = next(record for record in result["acts"] if record["name"] == act)
    return [check["name"] for check in record["checks"] if not check["passed"]]


async def test_the_incident_passes_and_its_numbers_hang_together(start_cluster: StartCluster) -> None:
    result = await play(await start_cluster(servers=1), seed=11)
    assert [act["name"] for act in result["acts"]] == ACTS
    assert result["verdict"] == "pass", [(act["name"], failed_checks(result, act["name"])) for act in result["acts"]]
    for act in result["acts"]:
        assert act["logout_rate"] == pytest.approx(act["logged_out"] / act["with_session"], abs=1e-4)
        assert act["ci95"] == pytest.approx(wilson(act["logged_out"], act["with_session"]), abs=1e-4)
    rates = {act["name"]: act["logout_rate"] for act in result["acts"]}
    assert rates["one-server"] == rates["sticky"] == rates["shared-store"] == rates["price-of-sharing"] == 0
    assert rates["ten-servers"] == pytest.approx(0.9, abs=0.04)
    assert rates["useless-advice"] == pytest.approx(0.9, abs=0.04)


class Broken:
    """A cluster that does everything but one thing."""

    def __init__(self, cluster: ProcessCluster, switch: Callable[..., Any]) -> None:
        self._cluster = cluster
        self._switch = switch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    async def switch(self, **changes: Any) -> dict[str, Any]:
        return await self._cluster.switch(**self._switch(changes))  # type: ignore[no-any-return]


@pytest.mark.slow
async def test_sticky_routing_that_does_not_stick_fails(start_cluster: StartCluster) -> None:
    def random_instead(changes: dict[str, Any]) -> dict[str, Any]:
        return {**changes, "policy": "random"} if changes.get("policy") == "sticky_cookie" else changes

    result = await play(Broken(await start_cluster(servers=1), random_instead), servers=4, users=20)
    assert result["verdict"] == "fail"
    assert "logout rate" in failed_checks(result, "sticky")


class NotShared(Broken):
    """After the move to Redis every server is pointed at a Redis database of its own."""

    async def switch(self, **changes: Any) -> dict[str, Any]:
        moved = await super().switch(**changes)
        if changes.get("store") == "redis":
            folder = self._cluster._folder
            for number, name in enumerate(self._cluster.names()):
                url = f"unix://{folder}/redis.sock?db={number}"
                await call(folder / f"{name}.sock", "switch", store="redis", store_url=url, migrate=False)
        return moved


@pytest.mark.slow
async def test_a_shared_store_that_is_not_shared_fails(start_cluster: StartCluster) -> None:
    result = await play(NotShared(await start_cluster(servers=1), lambda changes: changes), servers=4, users=20)
    assert result["verdict"] == "fail"
    assert "logout rate" in failed_checks(result, "shared-store")


@pytest.mark.slow
async def test_sessions_left_behind_in_the_move_fail(start_cluster: StartCluster) -> None:
    def without_migration(changes: dict[str, Any]) -> dict[str, Any]:
        return {**changes, "migrate": False}

    result = await play(Broken(await start_cluster(servers=1), without_migration), servers=4, users=20)
    assert result["verdict"] == "fail"
    assert "logout rate" in failed_checks(result, "shared-store")


async def test_five_servers_message_by_message(start_cluster: StartCluster) -> None:
    result = await play(await start_cluster(servers=5), "five-servers", users=30)
    assert result["verdict"] == "pass"
    login, click, order = result["acts"][0]["notes"]
    assert "-> server-1: 200, Set-Cookie: session_id=sess_" in login
    assert "-> server-2: 200" in click
    assert "-> server-3: 401" in order
    assert "we do not know your wristband" in order


@pytest.mark.slow
async def test_a_cut_keeps_some_waiting_or_all_and_logs_nobody_out_of_a_shared_logbook(
    start_cluster: StartCluster,
) -> None:
    result = await play(await start_cluster(servers=5), "cut-off", users=30)
    assert result["verdict"] == "pass", [(act["name"], failed_checks(result, act["name"])) for act in result["acts"]]
    waits = [check["measured"] for act in result["acts"] for check in act["checks"] if "wait" in check["name"]]
    assert waits[0] <= 30 / 5 * 2, "only users of that server"
    assert waits[0] < waits[1], "and then all of them"


@pytest.mark.slow
@pytest.mark.parametrize("on_unknown", ["clear", "replace"])
async def test_the_incident_with_the_other_answers_to_an_unknown_id(
    start_cluster: StartCluster, on_unknown: str
) -> None:
    result = await play(await start_cluster(servers=1, on_unknown=on_unknown), seed=2, on_unknown=on_unknown)
    assert result["verdict"] == "pass", [(act["name"], failed_checks(result, act["name"])) for act in result["acts"]]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux" or os.cpu_count() == 1, reason="the incident's pace needs two cores")
async def test_twenty_seeds_in_a_row(start_cluster: StartCluster) -> None:
    for seed in range(1, 21):
        cluster = await start_cluster(servers=1)
        try:
            result = await play(cluster, seed=seed)
        finally:
            await cluster.stop()
        bad = [(act["name"], failed_checks(result, act["name"])) for act in result["acts"] if act["verdict"] != "pass"]
        assert not bad, f"seed {seed}"
