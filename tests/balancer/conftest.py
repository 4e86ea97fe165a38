"""A balancer with scripted backends; every test runs on our wires, as in production, and on asyncio's transports."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest

from balancer.plane import WireLoop
from tests.balancer.certificates import Authority
from tests.balancer.rig import Rig, Server


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"wire": WireLoop, "asyncio": asyncio.new_event_loop}


Start = Callable[..., Awaitable[Rig]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """`await start(Server(...), ..., policy=...)`: a balancer in front of these servers."""
    rigs: list[Rig] = []

    async def begin(*servers: Server, **options: Any) -> Rig:
        rig = await Rig.start(*servers, **options)
        rigs.append(rig)
        return rig

    yield begin
    for rig in rigs:
        await rig.close()


@pytest.fixture
async def rig(start: Start) -> Rig:
    """A balancer in front of one server, 'a', that answers everything."""
    return await start(Server())


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> str:
    """The path of one for localhost, with its key."""
    return authority.issue("localhost")
