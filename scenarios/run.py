"""One run of a scenario on a cluster of its own: start, play, record, stop, whatever happens in between."""

import asyncio
import os
import platform
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from scenarios import __version__, runtime, script
from scenarios.cluster.base import Cluster
from scenarios.cluster.processes import ProcessCluster
from scenarios.errors import LabError
from scenarios.journal import JournalWriter, header
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
    journal: Path | None = None,
    listeners: Sequence[Listener] = (),
    show: Callable[[dict[str, Any], str], None],
) -> dict[str, Any]:
    """Play on a cluster that lives for this run only; the run's record. Raises LabError, with everything ended."""
    with_journal = journal_for(journal, settings, name)
    place = runtime.claim(f"run-{os.getpid()}")
    try:
        start = {**script.start_of(play), "on_unknown": settings.on_unknown}
        async with await ProcessCluster.start(place.folder, keep=(place.lock,), **start) as cluster:
            return await on_cluster(name, play, cluster, settings, limit, with_journal, listeners, show)
    finally:
        place.release()


async def on_cluster(
    name: str,
    play: ModuleType,
    cluster: Cluster,
    settings: Settings,
    limit: float,
    journal: "Journal | None",
    listeners: Sequence[Listener],
    show: Callable[[dict[str, Any], str], None],
) -> dict[str, Any]:
    """Play on a cluster that is there already, and record what its feed says."""
    hear = [*listeners, *([journal.write] if journal else [])]
    try:
        async with feed(cluster, hear):
            result = await script.play(name, play, cluster, settings, show, limit)
    finally:
        if journal:
            journal.close()
    return result


class Journal:
    """A journal that cannot stop a run: a full disk is said once the run is over, and nothing of the run is lost."""

    def __init__(self, writer: JournalWriter) -> None:
        self._writer = writer
        self.failure: LabError | None = None

    def write(self, event: dict[str, Any]) -> None:
        try:
            self._writer.write(event)
        except LabError as failure:
            self.failure = self.failure or failure

    def close(self) -> None:
        try:
            self._writer.close()
        except LabError as failure:
            self.failure = self.failure or failure
        if self.failure:
            print(f"lab: {self.failure}", file=sys.stderr)


def journal_for(path: Path | None, settings: Settings, name: str) -> Journal | None:
    """The run's journal, its header written. Raises LabError at once when the file cannot be written."""
    if path is None:
        return None
    head = header(
        session_lab=__version__,
        python=platform.python_version(),
        platform=sys.platform,
        seed=settings.seed,
        settings={"scenario": name, "servers": settings.servers, "users": settings.users, "pace": settings.pace},
        started=time.time(),
    )
    return Journal(JournalWriter(str(path), head))


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
        async with asyncio.timeout(FEED_ENDS_WITHIN):
            await last.wait()
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
