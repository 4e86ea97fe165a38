"""One process of a cluster as a container."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from docker.models.containers import Container

from scenarios.cluster.children import Child
from scenarios.cluster.containers.calls import to_its_end
from scenarios.cluster.containers.engine import TROUBLE, said, send
from scenarios.cluster.containers.network import EngineNetwork
from scenarios.cluster.programs import last_words
from scenarios.errors import LabError


class ContainerChild(Child):
    """One container. A stopped process is a paused one here: its connections stay, nothing answers."""

    def __init__(self, key: int, name: str, network: EngineNetwork) -> None:
        super().__init__(key, name)
        self.container: Container | None = None
        self.network = network
        self.host = ""

    def take_address(self) -> None:
        """`host` on the network is its own until its end. Raises LabError."""
        self.host = self.network.take()
        self.ended.add_done_callback(lambda _: self.network.give_back(self.host))

    async def disconnect(self, control: Path) -> None:
        await self._asked(self.network.disconnect, self.host)

    async def reconnect(self, control: Path) -> None:
        await self._asked(self.network.connect, self.host)

    async def signal(self, number: int) -> None:
        """Raises LabError when the engine does not do it. One that is being made is waited for."""
        with suppress(LabError):
            await asyncio.shield(self.started)
        if self.container is not None and not self.ended.done():
            await self._asked(send, number)

    async def _asked(self, do: Callable[..., None], *arguments: Any) -> None:
        try:
            await to_its_end(asyncio.to_thread(do, self.container, *arguments))
        except TROUBLE as failure:
            raise LabError(said(failure)) from None

    async def until_ready(self, log: Path, within: float) -> str:
        try:
            return await super().until_ready(log, within)
        except LabError:
            if self.ready.done() or not self.ended.done():
                raise
            told = f"the container {self.name} ended at once (exit code {self.ended.result()}): {last_words(log)}"
            raise LabError(f"{told}; if SESSION_LAB_IMAGE names its image, name one of this lab") from None
