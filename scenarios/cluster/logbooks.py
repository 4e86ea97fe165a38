"""What every server and every shared store has written down now."""

import asyncio
from collections.abc import Iterable
from typing import Any

from scenarios.cluster.server import Server
from servers.control import ControlError, call

ANSWERS_WITHIN = 2.0
"""Seconds: a large logbook takes a moment, and one of many must not hold up the others."""


async def logbooks(servers: Iterable[Server], limit: int) -> list[dict[str, Any]]:
    """See `Cluster.logbooks`. One that all servers read is read out once, by the first server that can answer."""
    readers: dict[str, list[Server]] = {}
    for server in servers:
        store = server.store[0]
        readers.setdefault(server.name if store == "memory" else store, []).append(server)
    return list(await asyncio.gather(*(book(name, those, limit) for name, those in readers.items())))


async def book(name: str, readers: list[Server], limit: int) -> dict[str, Any]:
    about = {"name": name, "store": readers[0].store[0], "servers": [server.name for server in readers]}
    nothing: dict[str, Any] = {"sessions": None, "entries": []}
    reader = next((server for server in readers if server.running and not server.paused), None)
    if reader is None:
        return {**about, **nothing, "trouble": "paused" if any(each.running for each in readers) else "not running"}
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            return {**about, **await call(reader.control, "logbook", limit=limit), "trouble": None}
    except TimeoutError:
        return {**about, **nothing, "trouble": f"{reader.name} does not answer"}
    except ControlError as refusal:
        return {**about, **nothing, "trouble": str(refusal)}
