import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from scenarios.cluster.processes import ProcessCluster

StartCluster = Callable[..., Awaitable[ProcessCluster]]


@pytest.fixture
async def start_cluster() -> AsyncIterator[StartCluster]:
    """Start real clusters; they are ended with the test. The folder's path is short: Unix sockets want that."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> ProcessCluster:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True)))
            return await stack.enter_async_context(await ProcessCluster.start(folder / "c", **settings))

        yield start
