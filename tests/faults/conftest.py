"""The rig of tests/balancer, for faults that one process can show; processes.py has the others."""

import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.balancer.conftest import pytest_asyncio_loop_factories, rig, start
from tests.faults.processes import Processes

__all__ = ["black_hole", "processes", "pytest_asyncio_loop_factories", "rig", "start"]


@pytest.fixture
async def processes() -> AsyncIterator[Processes]:
    async with Processes() as these:
        yield these


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """A port whose queue of connections is full: neither a refusal nor a welcome."""
    with contextlib.ExitStack() as stack:
        deaf = stack.enter_context(socket.socket())
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(5):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        yield deaf.getsockname()[1]
