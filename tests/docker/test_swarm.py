"""compose/swarm.yaml on a swarm of one node: a rolling deploy that nobody notices."""

import asyncio
import json
import socket
from collections.abc import Iterator

import pytest

from scenarios.crowd import Crowd
from tests.docker.conftest import Failed, run, until

REQUESTS = 20_000
SERVERS = 10


@pytest.fixture
def stack(settings: dict[str, str]) -> Iterator[str]:
    """The shop's URL. The engine is no swarm afterwards, if it was none before."""
    began = run("docker", "info", "--format", "{{.Swarm.LocalNodeState}}").strip() == "inactive"
    if began:
        run("docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    name = "lab-tests-swarm"
    try:
        chosen = {**settings, "LAB_PORT": port}
        run("docker", "stack", "deploy", "-c", "compose/swarm.yaml", name, env=chosen)
        run("docker", "service", "scale", "--detach", f"{name}_server={SERVERS}")
        until("the shop does not open", lambda: serving(name) == SERVERS, within=180)
        yield f"http://127.0.0.1:{port}"
    finally:
        run("docker", "stack", "rm", name)
        of_stack = f"label=com.docker.stack.namespace={name}"
        until("containers are left", lambda: not run("docker", "ps", "-aq", "--filter", of_stack).strip())
        until("a network is left", lambda: not run("docker", "network", "ls", "-q", "--filter", of_stack).strip())
        if began:
            run("docker", "swarm", "leave", "--force")


def serving(name: str) -> int:
    """Servers that the balancer knows and finds healthy."""
    (balancer,) = run("docker", "ps", "-q", "--filter", f"name={name}_balancer").split() or [""]
    if not balancer:
        raise Failed("no balancer yet")
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9100/state').read().decode())"
    rows = json.loads(run("docker", "exec", balancer, "python3", "-c", ask))["backends"]
    return len(rows) if all(row["healthy"] for row in rows) else 0


def replaced(name: str) -> bool:
    state = run("docker", "service", "inspect", "--format", "{{.UpdateStatus.State}}", f"{name}_server").strip()
    return state == "completed"


async def test_a_rolling_deploy_logs_nobody_out_and_fails_no_request(stack: str) -> None:
    """All ten servers are replaced while forty people make 20,000 requests and more."""
    crowd = Crowd(stack, 40, 1, think=0.05, timed=False)
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
    assert (felt.failed, felt.unavailable, felt.logged_out, felt.somebody_else) == (0, 0, 0, 0)


def deploy() -> None:
    run("docker", "service", "update", "--force", "--detach", "lab-tests-swarm_server")
    until("the deploy does not end", lambda: replaced("lab-tests-swarm"), within=400)
