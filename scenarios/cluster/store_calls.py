"""What all servers ask of their logbooks, as one stream."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from typing import Any

from scenarios.cluster.server import Server
from servers.control import ControlError, open_stream

ANSWERS_WITHIN = 0.5
"""Seconds: a paused server does not answer, and the others must not wait for it."""

Call = dict[str, Any]


async def store_calls(servers: Iterable[Server]) -> AsyncGenerator[Call, None]:
    """Returns once every server that can answer tells of its calls; servers that come later do not."""
    calls: asyncio.Queue[Call] = asyncio.Queue()

    async def copy(server: Server, lines: AsyncGenerator[bytes, None]) -> None:
        try:
            async for line in lines:
                calls.put_nowait({"server": server.name, "store": server.store[0], **json.loads(line)})
        finally:
            await lines.aclose()

    copying = []
    for server in servers:
        if server.running and not server.paused:
            with suppress(ControlError, TimeoutError):
                async with asyncio.timeout(ANSWERS_WITHIN):
                    lines = await open_stream(server.control, "store_calls")
                copying.append(asyncio.create_task(copy(server, lines)))
    return _read(calls, copying)


async def _read(calls: asyncio.Queue[Call], copying: list[asyncio.Task[None]]) -> AsyncGenerator[Call, None]:
    try:
        while True:
            yield await calls.get()
    finally:
        for task in copying:
            task.cancel()
        await asyncio.gather(*copying, return_exceptions=True)
