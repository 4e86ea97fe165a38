"""A server dies without warning, as in a crash or an out-of-memory kill."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scenarios.cluster.base import Cluster


@asynccontextmanager
async def kill(cluster: Cluster, server: str) -> AsyncIterator[None]:
    """Dead inside the block, a fresh process under the same name after it."""
    await cluster.kill(server)
    try:
        yield
    finally:
        if server in cluster.names():  # the block may have scaled it away
            await cluster.restart(server)
