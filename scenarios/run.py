"""One run of a scenario on a cluster of its own: start, play, record, stop, whatever happens in between."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from types import ModuleType
from typing import Any

from scenarios import runtime, script
from scenarios.cluster import CLUSTERS
from scenarios.cluster.base import Cluster
from scenarios.recording import Journal
from scenarios.stage import Settings

Listener = Callable[[dict[str, Any]], None]
"""Takes each event of the feed, in order."""

FEED_ENDS_WITHIN = 2.0  # seconds for the last events to arrive once the play is over


async def run(
    name: str,
    play: ModuleType,
    settings: Settings,
    *,
    limit: float,
    journal: Journal | None = None,
    listeners: Sequence[Listener] = (),
    show: Callable[[dict[str, Any], str], None],
    kind: str = "processes",
    balancer: str = "ours",
) -> dict[str, Any]:
    """Play on a cluster that lives for this run only; the run's record. `kind` is one of CLUSTERS, `balancer`
    one of BALANCERS. Raises LabError, with everything ended."""
    place = runtime.claim(f"run-{os.getpid()}")
    try:
        start = {**script.start_of(play), "on_unknown": settings.on_unknown, "balancer": balancer}
        async with await CLUSTERS[kind].start(place.folder, keep=(place.lock,), **start) as cluster:
            return await on_cluster(name, play, cluster, settings, limit, journal, listeners, show)
    finally:
        place.release()


async def on_cluster(
    name: str,
    play: ModuleType,
    cluster: Cluster,
    settings: Settings,
    limit: float,
    journal: Journal | None,
    listeners: Sequence[Listener],
    show: Callable[[dict[str, Any], str], None],
) -> dict[str, Any]:
    """Play on a cluster that is there already, and record what its feed says."""
    hear = [*listeners, *([journal.write] if journal else [])]
    async with feed(cluster, hear):
        return await script.play(name, play, cluster, settings, show, limit)


@asynccontextmanager
async def feed(cluster: Cluster, listeners: Sequence[Listener]) -> AsyncIterator[None]:
    """Give every event of the cluster's feed to the listeners while the block runs; with none, ask for no events."""
    if not listeners:
        yield
        return
    last = asyncio.Event()
    begun = asyncio.Event()

    async def listen() -> None:
        async for event in cluster.events():
            if event.get("kind") == "feed":
                (begun if event["what"] == "begin" else last).set()
                continue
            for listener in listeners:
                listener(event)

    listening = asyncio.create_task(listen())
    try:
        while not begun.is_set():  # until the subscription is in force, marks go nowhere
            await cluster.mark(kind="feed", what="begin")
            with suppress(TimeoutError):
                await asyncio.wait_for(begun.wait(), 0.05)
        yield
        await cluster.mark(kind="feed", what="end")
        try:
            async with asyncio.timeout(FEED_ENDS_WITHIN):
                await last.wait()
        except TimeoutError:  # the run itself is over and counted; only what listened to it is short of its end
            print(
                f"lab: the feed's end did not arrive within {FEED_ENDS_WITHIN:g} s: the record lacks it",
                file=sys.stderr,
            )
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
