"""What happens to the cluster while locust's users shop: a shape's servers and restarts, and the law in force."""

import asyncio
from typing import Any

from scenarios import theory
from scenarios.cluster.base import Cluster
from scenarios.shapes import Shape

EVERY = 0.5  # seconds


class Stage:
    """Follows a shape on a cluster. Without a cluster of ours, nothing happens and no law is known."""

    def __init__(self, cluster: Cluster | None, shape: Shape | None, run_time: float) -> None:
        self.law: float | None = None
        self.setting = self.holds_when = ""
        self.begun = asyncio.Event()
        """Set when the first user has clicked: from then on, time counts."""
        self._cluster = cluster
        self._shape = shape
        self._run_time = run_time

    async def look(self) -> None:
        """Ask the cluster how it stands."""
        if self._cluster is None:
            return
        state: dict[str, Any] = await self._cluster.state()
        servers, store, policy = len(state["servers"]), state["store"], state["policy"]
        answering = sum(server["healthy"] for server in state["servers"])
        self.law = theory.steady_rate(max(1, answering), store, policy)
        self.holds_when = theory.HOLDS_WHEN[policy]
        count = f"{servers} server{'s' if servers != 1 else ''}"
        away = "" if answering == servers else f" ({answering} answering)"
        self.setting = f"{count}{away}, store {store}, policy {policy}"

    async def set_up(self) -> None:
        """The servers that the shape begins with."""
        if self._cluster is not None and self._shape is not None and self._shape.servers is not None:
            await self._cluster.scale(self._shape.servers(0.0))
        await self.look()

    async def follow(self) -> None:
        """Until cancelled."""
        await self.begun.wait()
        loop = asyncio.get_running_loop()
        began = loop.time()
        restarted = False
        while True:
            time = min(1.0, (loop.time() - began) / self._run_time)
            if self._cluster is not None and self._shape is not None:
                await self._scale(self._cluster, self._shape, time)
                if self._shape.restarts_at is not None and time >= self._shape.restarts_at and not restarted:
                    restarted = True
                    for server in self._cluster.names():
                        await self._cluster.restart(server)
            await self.look()
            await asyncio.sleep(EVERY)

    async def _scale(self, cluster: Cluster, shape: Shape, time: float) -> None:
        if shape.servers is not None and (servers := shape.servers(time)) != len(cluster.names()):
            await cluster.scale(servers)
