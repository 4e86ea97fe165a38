"""One server of a cluster as the lab knows it: where it is, and what has been done to it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.cluster.children import Child
from servers.control import ControlError, call

STATE_WITHIN = 0.5  # a paused server does not answer; the status must not wait for it


@dataclass
class Server:
    name: str
    child: Child
    control: Path
    store: tuple[str, str]  # (store, url) it was told to use
    address: str = ""
    paused: bool = False
    draining: bool = False
    partitioned: bool = False
    relay: Child | None = None  # stands in its way and makes it slow
    behind: bool = False  # `store` is what it has yet to be told
    sessions: int = 0
    cpu: float = 0.0  # seconds that it has used so far

    @property
    def running(self) -> bool:
        return not self.child.ended.done()

    @property
    def serving(self) -> bool:
        """It gets new users, as far as the lab knows."""
        return self.finishes and not self.draining

    @property
    def finishes(self) -> bool:
        """What it has been asked it answers, if it is given the time."""
        return self.running and not self.paused and not self.partitioned

    @property
    def trouble(self) -> str:
        """What the lab has done to it, in the word for its health; empty: nothing."""
        if not self.running:
            return ""
        return "paused" if self.paused else "partitioned" if self.partitioned else "slow" if self.relay else ""

    def facts(self) -> dict[str, Any]:
        """What `lab status` says of it; one that does not answer keeps the last counts it gave."""
        pid = self.child.pid if self.running else None
        counts = {"sessions": self.sessions, "cpu": self.cpu}
        return {"name": self.name, "address": self.address, "pid": pid, "trouble": self.trouble, **counts}

    async def describe(self) -> dict[str, Any]:
        """The same, with everything counted now."""
        if self.running and not self.paused:
            with suppress(ControlError, TimeoutError):
                async with asyncio.timeout(STATE_WITHIN):
                    told = await call(self.control, "state")
                    self.cpu = told["cpu"]
                    self.sessions = self.sessions if told["sessions"] is None else told["sessions"]  # its store is away
        return self.facts()
