"""The door of a running lab: a control socket through which other processes use its cluster.

The cluster's methods are the commands, under their own names; `attached.py` is the other side.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from scenarios.cluster.base import Cluster
from scenarios.errors import LabError
from servers.control import Command, ControlError, Stream, serve_control

METHODS = (
    "state", "logbooks", "counters", "switch", "scale", "kill", "pause", "resume", "partition", "slow", "reconnect",
    "drain", "undrain", "restart", "stop_store", "start_store", "need",
)  # fmt: skip


@asynccontextmanager
async def open_door(
    cluster: Cluster,
    path: Path,
    commands: Mapping[str, Command] | None = None,
    streams: Mapping[str, Stream] | None = None,
) -> AsyncIterator[asyncio.Event]:
    """Serve the cluster (and further commands) on `path` inside the block; the event says: somebody ended the lab."""
    ended = asyncio.Event()

    async def down() -> dict[str, Any]:
        ended.set()
        return {}

    async def mark(event: dict[str, Any]) -> None:
        await cluster.mark(**event)

    methods = {name: command(getattr(cluster, name)) for name in METHODS}
    ours = {**methods, "mark": command(mark), "down": down, **(commands or {})}
    told: dict[str, Stream] = {"events": cluster.events, "store_calls": cluster.store_calls, **(streams or {})}
    door = await serve_control(path, ours, told)
    try:
        yield ended
    finally:
        await door.close()


def command(method: Callable[..., Awaitable[Any]]) -> Command:
    """A method as a control command: an answer is an object, a LabError a refusal."""

    @functools.wraps(method)
    async def run(*arguments: Any, **named: Any) -> dict[str, Any]:
        try:
            return await method(*arguments, **named) or {}
        except LabError as error:
            raise ControlError(str(error)) from None

    return run
