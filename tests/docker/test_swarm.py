"""compose/swarm.yaml on a swarm of one node: a rolling deploy that nobody notices, and locust in several containers."""

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from scenarios.crowd import Crowd
from tests.docker.conftest import Failed, run, until

REQUESTS = 20_000
SERVERS = 10
NAME = "lab-tests-swarm"


@pytest.fixture
def stack(settings: dict[str, str]) -> Iterator[str]:
    """The shop's URL. The engine is no swarm afterwards, if it was none before."""
    began = run("docker", "info", "--format", "{{.Swarm.LocalNodeState}}").strip() == "inactive"
    if began:
        run("docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    try:
        chosen = {**settings, "LAB_PORT": port}
        run("docker", "stack", "deploy", "-c", "compose/swarm.yaml", NAME, env=chosen)
        scale(f"server={SERVERS}")
        until("the shop does not open", lambda: serving() == SERVERS, within=180)
        yield f"http://127.0.0.1:{port}"
    finally:
        run("docker", "stack", "rm", NAME)
        of_stack = f"label=com.docker.stack.namespace={NAME}"
        until("containers are left", lambda: not run("docker", "ps", "-aq", "--filter", of_stack).strip())
        until("a network is left", lambda: not run("docker", "network", "ls", "-q", "--filter", of_stack).strip())
        if began:
            run("docker", "swarm", "leave", "--force")


def serving() -> int:
    """Servers that the balancer knows and finds healthy."""
    rows = state()["backends"]
    return len(rows) if all(row["healthy"] for row in rows) else 0


def state() -> dict[str, Any]:
    """As the balancer's admin port tells it, inside. Raises Failed."""
    (balancer,) = run("docker", "ps", "-q", "--filter", f"name={NAME}_balancer").split() or [""]
    if not balancer:
        raise Failed("no balancer yet")
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9100/state').read().decode())"
    told: dict[str, Any] = json.loads(run("docker", "exec", balancer, "python3", "-c", ask))
    return told


def scale(*counts: str) -> None:
    run("docker", "service", "scale", "--detach", *(f"{NAME}_{count}" for count in counts))


async def test_a_rolling_deploy_and_then_locust(stack: str) -> None:
    """One test: an engine is in one swarm at most, and tests run side by side."""
    await a_rolling_deploy_logs_nobody_out_and_fails_no_request(stack)
    locusts_users_come_from_several_containers()


async def a_rolling_deploy_logs_nobody_out_and_fails_no_request(url: str) -> None:
    """All ten servers are replaced while forty people make 20,000 requests and more."""
    crowd = Crowd(url, 40, 1, think=0.05, timed=False)
    crowd.start()
    try:
        deploying = asyncio.ensure_future(asyncio.to_thread(deploy))
        while crowd.felt.requests < REQUESTS or not deploying.done():
            await crowd.shop(1000)
        await deploying
    finally:
        await crowd.close()
    felt = crowd.felt
    assert felt.requests >= REQUESTS
    assert (felt.failed, felt.unavailable, felt.logged_out, felt.somebody_else) == (0, 0, 0, 0), state()["totals"]


def deploy() -> None:
    run("docker", "service", "update", "--force", "--detach", f"{NAME}_server")
    until("the deploy does not end", replaced, within=400)


def replaced() -> bool:
    update = run("docker", "service", "inspect", "--format", "{{.UpdateStatus.State}}", f"{NAME}_server")
    return update.strip() == "completed"


def locusts_users_come_from_several_containers() -> None:
    before = state()["totals"]
    scale("load-master=1", "load-worker=2")
    try:
        until("two workers", lambda: "2 workers connected" in log_of_locust(), within=180)
        until("their users click", lambda: state()["totals"]["requests"] > before["requests"] + 100, within=180)
        after = state()["totals"]
    except AssertionError as late:
        raise AssertionError(log_of_locust()[-3000:]) from late
    finally:
        scale("load-master=0", "load-worker=0")
    assert (after["logged_out"], after["errors"]) == (before["logged_out"], before["errors"])


def log_of_locust() -> str:
    return run("sh", "-c", f"docker service logs --raw {NAME}_load-master 2>&1")  # a container's stderr stays one
