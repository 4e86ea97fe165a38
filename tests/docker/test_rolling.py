"""A rolling deploy by the lab's own commands: ten containers behind our balancer, one logbook in Redis."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios import runtime as labs
from scenarios.cluster import docker
from scenarios.crowd import Crowd
from tests.docker.conftest import ours, run

REQUESTS = 20_000
SERVERS = 10
PATIENT = {"server_options": {"store_timeout": 10.0}}
"""On a machine that runs many tests at once Redis may be slow: that is not what is tried here."""


@pytest.fixture
def redis_image(docker_environ: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """As the official image does, it declares a volume, which every container then gets."""
    base = docker_environ.get("REDIS_IMAGE", "redis:7-alpine")
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nVOLUME /data\n")
    name = f"session-lab-tests-{tmp_path.parent.name}-{tmp_path.name}".lower().replace("_", "-")
    run("docker", "build", "--quiet", "-t", name, str(tmp_path), env={"DOCKER_BUILDKIT": "0"})
    yield name
    run("docker", "rmi", name)


async def test_a_rolling_deploy_logs_nobody_out_and_fails_no_request(
    docker_environ: dict[str, str], runtime: Path, redis_image: str
) -> None:
    """All ten servers get new containers, one after the other, while forty people make 20,000 requests and more."""
    environ = {**docker_environ, "XDG_RUNTIME_DIR": str(runtime), "REDIS_IMAGE": redis_image}
    place = labs.claim("rolling", environ)
    try:
        async with await docker.start(place.folder, environ, servers=SERVERS, store="redis", **PATIENT) as cluster:
            before = {server["name"]: server["pid"] for server in (await cluster.state())["servers"]}
            volumes = volumes_of(place.folder)
            crowd = Crowd(cluster.url, 40, 1, think=0.05, timed=False)
            crowd.start()
            try:
                deploying = asyncio.ensure_future(deploy(cluster))
                while crowd.felt.requests < REQUESTS or not deploying.done():
                    await crowd.shop(1000)
                await deploying
            finally:
                await crowd.close()
            after = {server["name"]: server["pid"] for server in (await cluster.state())["servers"]}
            counted = await cluster.counters()
    finally:
        place.release()
    felt = crowd.felt
    assert felt.requests >= REQUESTS
    assert (felt.failed, felt.unavailable, felt.logged_out, felt.somebody_else) == (0, 0, 0, 0)
    assert (counted["logged_out"], counted["errors"]) == (0, 0)
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values()), "each has a new process"
    assert ours(runtime) == []
    assert volumes
    assert not volumes & set(run("docker", "volume", "ls", "--quiet").split())


async def deploy(cluster: docker.ProcessCluster) -> None:
    for name in cluster.names():
        await cluster.restart(name)


def volumes_of(folder: Path) -> set[str]:
    """Which the engine has made for containers of this lab."""
    ids = run("docker", "ps", "--quiet", "--filter", f"label=session-lab={folder}").split()
    mounts = [mount for about in json.loads(run("docker", "inspect", *ids)) for mount in about["Mounts"]]
    return {mount["Name"] for mount in mounts if mount["Type"] == "volume"}
