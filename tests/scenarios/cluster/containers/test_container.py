"""A container of a lab, where its engine does not do what it is told."""

import asyncio
import signal
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import docker
import pytest

from scenarios.cluster.children import settle
from scenarios.cluster.containers.children import Containers
from scenarios.cluster.containers.container import ContainerChild
from scenarios.errors import LabError
from tests.scenarios.cluster.containers.fake_engine import Answers, fake_engine


@pytest.mark.parametrize(
    ("number", "answers", "said"),
    [
        (signal.SIGSTOP, {"POST /containers/1/pause": (500, {"message": "no freezer"})}, "says: no freezer"),
        (signal.SIGTERM, {"POST /containers/1/kill": (0, None)}, "the Docker Engine says: .*Connection"),
    ],
)
async def test_what_the_engine_does_not_do_is_said(folder: Path, number: int, answers: Answers, said: str) -> None:
    nothing: Any = Mock()
    with fake_engine(folder / "engine.sock", answers):
        client = docker.DockerClient(f"unix://{folder}/engine.sock")
        child = ContainerChild(1, "server-1", nothing)
        child.container = client.containers.get("1")
        settle(child.started, None)
        with pytest.raises(LabError, match=said):
            await child.signal(number)
        client.close()


async def test_one_that_is_ready_and_gone_is_no_trouble(folder: Path) -> None:
    nothing: Any = Mock()
    with fake_engine(folder / "engine.sock", {}) as engine:
        client = docker.DockerClient(f"unix://{folder}/engine.sock")
        containers = Containers(folder, client, {})
        containers._last_resort.detach()
        containers.network = nothing
        child = containers._expect("server-1")
        child.container = client.containers.get("1")
        settle(child.started, None)
        engine.answers = {"GET /containers/1/json": (404, {"message": "No such container: 1"})}
        said = asyncio.StreamReader()
        said.feed_data(b'{"key": 1, "ready": "0.0.0.0:8001"}\n')
        said.feed_eof()
        await containers._hear(said, nothing)
        assert not child.ready.done()
        client.close()


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGCONT, signal.SIGTERM, signal.SIGKILL])
async def test_one_that_has_ended_is_left_alone(folder: Path, number: int) -> None:
    nothing: Any = Mock()
    gone: Answers = {f"POST /containers/1/{do}": (409, {"message": "not running"}) for do in ("pause", "kill")}
    gone |= {"POST /containers/1/unpause": (500, {"message": "not paused"}), "DELETE /containers/1": (404, None)}
    with fake_engine(folder / "engine.sock", gone):
        client = docker.DockerClient(f"unix://{folder}/engine.sock")
        child = ContainerChild(1, "server-1", nothing)
        child.container = client.containers.get("1")
        settle(child.started, None)
        await child.signal(number)
        client.close()
