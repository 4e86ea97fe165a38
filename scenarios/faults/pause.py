"""A server freezes: its connections stay open and nothing answers, as in a long collection or a stalled disk."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scenarios.cluster.base import Cluster


@asynccontextmanager
async def pause(cluster: Cluster, server: str) -> AsyncIterator[None]:
    """Frozen inside the block, running on where it stood after it."""
    await cluster.pause(server)
    try:
        yield
    finally:
        if server in cluster.names():  # the block may have scaled it away
            await cluster.resume(server)
