"""The balancer of a cluster: its process, its feed, and what is asked of it."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from scenarios.cluster.children import Children
from scenarios.cluster.programs import last_line
from scenarios.errors import LabError
from servers.control import ControlError, call, stream

ANSWER_WITHIN = 10.0
STOPS_WITHIN = 3.0


class BalancerProcess:
    """Forked at once; `until_ready` waits until it listens. Every method raises LabError when it has ended."""

    def __init__(self, folder: Path, children: Children, config: Mapping[str, Any]) -> None:
        self._control = folder / "balancer.sock"
        self._log = folder / "balancer.log"
        self._ready_within = children.ready_within
        self._child = children.fork("balancer", "balancer", {**config, "control": str(self._control), "backends": ()})

    async def until_ready(self) -> str:
        """The address it listens on."""
        return await self._child.until_ready(self._log, self._ready_within)

    async def until_ended(self) -> None:
        await self._child.wait()

    async def end(self) -> None:
        await self._child.end(signal.SIGTERM, STOPS_WITHIN)

    async def ask(self, do: str, *, within: float = ANSWER_WITHIN, **arguments: Any) -> dict[str, Any]:
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
        await self.ask("mark", event={"kind": "mark", "time": time.time(), **event})

    async def events(self, state: bool = False) -> AsyncGenerator[dict[str, Any], None]:
        """Its feed from now on; with `state` the first event is its state at that very moment."""
        async with aclosing(stream(self._control, "subscribe", state=state)) as feed:
            async for event in feed:
                yield event
