"""A cluster that another process runs (`lab up`), used through its door."""

import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from scenarios import runtime
from scenarios.errors import LabError
from servers.control import ControlError, call, open_stream, stream


class AttachedCluster:
    """Implements `Cluster`. Use `await AttachedCluster.attach(name)`; simply drop it to leave the lab running."""

    def __init__(self, name: str, folder: Path, environ: Mapping[str, str]) -> None:
        self.url = ""
        self.name = name
        self._door = folder / runtime.DOOR
        self._environ = environ
        self._names: list[str] = []

    @classmethod
    async def attach(cls, name: str, environ: Mapping[str, str] = os.environ) -> "AttachedCluster":
        """Raises LabError when no lab of this name runs."""
        cluster = cls(name, runtime.find(name, environ), environ)
        cluster.url = (await cluster.state())["url"]
        return cluster

    def __repr__(self) -> str:
        return f"<AttachedCluster {self.name} {self.url}>"

    def names(self) -> list[str]:
        """As of the last `state` or `scale` from here."""
        return list(self._names)

    async def state(self) -> dict[str, Any]:
        state = await self.ask("state")
        self._names = [server["name"] for server in state["servers"]]
        return state

    async def logbooks(self, limit: int = 20) -> dict[str, Any]:
        return await self.ask("logbooks", limit=limit)

    async def counters(self) -> dict[str, Any]:
        return await self.ask("counters")

    async def switch(
        self, store: str | None = None, policy: str | None = None, migrate: bool = False
    ) -> dict[str, Any]:
        return await self.ask("switch", store=store, policy=policy, migrate=migrate)

    async def scale(self, servers: int) -> None:
        await self.ask("scale", servers=servers)
        await self.state()

    async def kill(self, server: str) -> None:
        await self.ask("kill", server=server)

    async def pause(self, server: str) -> None:
        await self.ask("pause", server=server)

    async def resume(self, server: str) -> None:
        await self.ask("resume", server=server)

    async def partition(self, server: str) -> None:
        await self.ask("partition", server=server)

    async def slow(self, server: str, delay: float, jitter: float = 0.0, rate: int = 0) -> None:
        await self.ask("slow", server=server, delay=delay, jitter=jitter, rate=rate)

    async def reconnect(self, server: str) -> None:
        await self.ask("reconnect", server=server)

    async def drain(self, server: str) -> None:
        await self.ask("drain", server=server)

    async def undrain(self, server: str) -> None:
        await self.ask("undrain", server=server)

    async def restart(self, server: str) -> None:
        await self.ask("restart", server=server)

    async def stop_store(self, hang: bool = False) -> None:
        await self.ask("stop_store", hang=hang)

    async def start_store(self) -> None:
        await self.ask("start_store")

    async def need(self, store: str) -> None:
        await self.ask("need", store=store)

    async def mark(self, **event: Any) -> None:
        await self.ask("mark", event=event)

    async def events(self, begin: bool = False) -> AsyncIterator[dict[str, Any]]:
        try:
            async with aclosing(stream(self._door, "events", begin=begin)) as feed:
                async for event in feed:
                    yield event
        except ControlError as refusal:
            raise LabError(str(refusal)) from None

    async def store_calls(self) -> AsyncGenerator[dict[str, Any], None]:
        try:
            return _read(await open_stream(self._door, "store_calls"))
        except ControlError as refusal:
            raise LabError(str(refusal)) from None

    async def stop(self) -> None:
        await runtime.down(self.name, self._environ)

    @asynccontextmanager
    async def stage(self, what: str) -> AsyncIterator[None]:
        """The lab's own users rest while the block plays `what`. Raises LabError when somebody plays already."""
        try:
            held = await open_stream(self._door, "stage", what=what)
            await anext(held, None)  # begun: closing it closes the connection
        except ControlError as refusal:
            raise LabError(str(refusal)) from None
        try:
            yield
        finally:
            await held.aclose()

    async def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Any command of the lab's door. Raises LabError: refused, or the lab has ended."""
        try:
            return await call(self._door, do, **arguments)
        except ControlError as refusal:
            if not self._door.exists():
                raise LabError(f"the lab {self.name!r} has ended: start it again with: lab up") from None
            raise LabError(str(refusal)) from None


async def _read(lines: AsyncGenerator[bytes, None]) -> AsyncGenerator[dict[str, Any], None]:
    try:
        async for line in lines:
            yield json.loads(line)
    finally:
        await lines.aclose()
