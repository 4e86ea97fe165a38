"""A server's network is slow: everything arrives, and late, as over a long or a crowded line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scenarios.cluster.base import Cluster


@asynccontextmanager
async def slow(cluster: Cluster, server: str, delay: float, jitter: float = 0.0, rate: int = 0) -> AsyncIterator[None]:
    """Inside the block a round trip takes `delay` seconds longer, give or take `jitter`; `rate`: bytes a second, each
    way, at most (0: any number)."""
    await cluster.slow(server, delay, jitter, rate)
    try:
        yield
    finally:
        if server in cluster.names():  # the block may have scaled it away
            await cluster.reconnect(server)
