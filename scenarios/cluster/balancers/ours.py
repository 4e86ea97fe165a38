"""Our own balancer: its process, its feed, and what is asked of it."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from scenarios.cluster.children import Children
from scenarios.cluster.programs import last_line
from scenarios.cpu import cpu_seconds
from scenarios.errors import LabError
from servers.control import ControlError, call, stream

ANSWER_WITHIN = 10.0
IDLE_WITHIN = 40.0  # the balancer itself gives up before
STOPS_WITHIN = 3.0


class OurBalancer:
    """Implements `Balancer`. Forked at once; `until_ready` waits until it listens."""

    def __init__(self, folder: Path, children: Children, config: Mapping[str, Any]) -> None:
        self._control = folder / "balancer.sock"
        self._log = folder / "balancer.log"
        self._children = children
        self._admin = ""
        self._child = children.fork("balancer", "balancer", {**config, "control": str(self._control), "backends": ()})

    async def until_ready(self) -> str:
        """The address it listens on."""
        address = await self._child.until_ready(self._log, self._children.ready_within)
        if admin := (await self._ask("state"))["admin"]:
            self._admin = await self._children.reached(self._child, admin)
        return address

    async def until_ended(self) -> None:
        await self._child.wait()

    async def end(self) -> None:
        await self._child.end(signal.SIGTERM, STOPS_WITHIN)

    async def cpu(self) -> float:
        return cpu_seconds([self._child.pid])

    async def state(self) -> dict[str, Any]:
        return {"time": time.time(), **await self._ask("state"), "admin": self._admin}

    async def label(self, store: str) -> None:
        await self._ask("label", store=store)

    async def use_policy(self, name: str) -> None:
        await self._ask("policy", name=name)

    async def add(self, servers: Mapping[str, str]) -> None:
        for name, address in servers.items():
            await self._ask("add", address=address, name=name)

    async def readdress(self, name: str, address: str) -> None:
        await self._ask("readdress", name=name, address=address)

    async def drain(self, name: str) -> None:
        await self._ask("drain", name=name)

    async def undrain(self, name: str) -> None:
        await self._ask("resume", name=name)

    async def remove(self, name: str, wait: bool = False) -> None:
        await self._ask("remove", within=IDLE_WITHIN if wait else ANSWER_WITHIN, name=name, wait=wait)

    async def reload(self) -> None:
        await self._child.signal(signal.SIGHUP)

    async def _ask(self, do: str, *, within: float = ANSWER_WITHIN, **arguments: Any) -> dict[str, Any]:
        """One command. Raises LabError with its refusal, or when there is no answer `within` seconds."""
        try:
            if self._child.ended.done():
                raise ControlError("it has ended")
            async with asyncio.timeout(within):
                return await call(self._control, do, **arguments)
        except TimeoutError:
            raise LabError("the balancer does not answer; stop this lab and start it again") from None
        except ControlError as refusal:
            if self._child.ended.done():
                why = last_line(self._log)
                raise LabError(f"the balancer has ended ({why}); stop this lab and start it again") from None
            raise LabError(str(refusal)) from None

    async def mark(self, **event: Any) -> None:
        await self._ask("mark", event={"kind": "mark", "time": time.time(), **event})

    async def events(self, state: bool = False) -> AsyncGenerator[dict[str, Any], None]:
        """Its feed from now on; with `state` the first event is its state at that very moment."""
        async with aclosing(stream(self._control, "subscribe", state=state)) as feed:
            async for event in feed:
                yield event
