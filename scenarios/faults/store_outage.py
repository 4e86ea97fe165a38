"""The shared store goes away and comes back with what it held."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scenarios.cluster.base import Cluster


@asynccontextmanager
async def store_outage(cluster: Cluster, hang: bool = False) -> AsyncIterator[None]:
    """Inside the block the store refuses connections, or with `hang` accepts requests and never answers."""
    await cluster.stop_store(hang=hang)
    try:
        yield
    finally:
        await cluster.start_store()
