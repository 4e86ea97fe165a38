"""Servers that a lab in containers has no room for."""

from pathlib import Path

import pytest

from scenarios import runtime as labs
from scenarios.cluster import docker
from scenarios.cluster.containers.children import Containers
from scenarios.errors import LabError
from tests.docker.conftest import ours


async def test_servers_without_an_address_are_refused_and_the_others_serve(
    docker_environ: dict[str, str], runtime: Path
) -> None:
    place = labs.claim("room", {"XDG_RUNTIME_DIR": str(runtime)})
    try:
        async with await docker.start(place.folder, docker_environ) as cluster:
            children = cluster._children
            assert isinstance(children, Containers)
            children.network._new = iter([children.network.take()])  # a small network of which one address is left
            with pytest.raises(LabError, match="no room for one more container: have fewer servers"):
                await cluster.scale(3)
            assert cluster.names() == ["server-1", "server-2"]
            assert [row["health"] for row in (await cluster.state())["servers"]] == ["up", "up"]
            assert len(ours(runtime)) == 4, "a balancer, two servers, a network"
    finally:
        place.release()
