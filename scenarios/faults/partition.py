"""A server is cut off from the balancer: it lives, and every packet to it vanishes, as when a cable fails."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scenarios.cluster.base import Cluster


@asynccontextmanager
async def partition(cluster: Cluster, server: str) -> AsyncIterator[None]:
    """Cut off inside the block, reachable after it. Sessions in its own memory are still there then."""
    await cluster.partition(server)
    try:
        yield
    finally:
        if server in cluster.names():  # the block may have scaled it away
            await cluster.reconnect(server)
