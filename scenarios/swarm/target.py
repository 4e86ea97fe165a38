"""Where the load goes: a lab that runs already, one that lives for this run only, or somebody else's address."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from scenarios import runtime
from scenarios.cluster import CLUSTERS
from scenarios.cluster.attached import AttachedCluster
from scenarios.cluster.base import Cluster
from scenarios.errors import LabError
from scenarios.swarm.wanted import Where

REACHED_WITHIN = 5.0  # seconds


@dataclass(frozen=True)
class Target:
    """`cluster` is None when the address is not a lab of ours: then nobody can look inside, or change it."""

    url: str
    what: str
    cluster: Cluster | None


@asynccontextmanager
async def open_target(where: Where) -> AsyncIterator[Target]:
    """The target while the block runs. Raises LabError: not there, or not to be started."""
    if where.host is not None:
        await check_reachable(where.host)
        yield Target(where.host, "an address you gave", None)
    elif not where.alone and where.name in runtime.labs():
        cluster = await AttachedCluster.attach(where.name)
        yield Target(cluster.url, f"the running lab {where.name!r}", cluster)
    else:
        place = runtime.claim(f"load-{os.getpid()}")
        try:
            kind = CLUSTERS[where.cluster]
            async with await kind.start(place.folder, keep=(place.lock,), **where.own) as started:
                yield Target(started.url, "a lab of its own, for this run only", started)
        finally:
            place.release()


async def check_reachable(host: str) -> None:
    """Raises LabError: not a URL, or nobody listens there."""
    advice = "give the shop's URL, such as http://127.0.0.1:8080"
    try:
        parts = urlsplit(host)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise LabError(f"{host!r} is no URL; {advice}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise LabError(f"{host!r} is no URL; {advice}")
    try:
        async with asyncio.timeout(REACHED_WITHIN):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except TimeoutError:
        raise LabError(f"{host} does not answer within {REACHED_WITHIN:.0f} s; {advice}") from None
    except OSError as failure:
        why = os.strerror(failure.errno) if failure.errno and failure.errno > 0 else "no such host"
        raise LabError(f"{host} cannot be reached ({why}); start the shop first, or {advice}") from None
    writer.close()
