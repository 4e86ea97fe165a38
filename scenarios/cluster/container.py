"""One process of a cluster as a container."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from docker.errors import DockerException
from docker.models.containers import Container

from scenarios.cluster.children import Child
from scenarios.cluster.docker_engine import said, send
from scenarios.cluster.engine_calls import to_its_end
from scenarios.cluster.engine_network import EngineNetwork
from scenarios.cluster.programs import last_words
from scenarios.errors import LabError


class ContainerChild(Child):
    """One container. A stopped process is a paused one here: its connections stay, nothing answers."""

    def __init__(self, key: int, name: str, network: EngineNetwork) -> None:
        """It has an address on the network, `host`, until its end."""
        super().__init__(key, name)
        self.container: Container | None = None
        self.network, self.host = network, network.take()
        self.ended.add_done_callback(lambda _: network.give_back(self.host))

    async def disconnect(self, control: Path) -> None:
        await self._asked(self.network.disconnect)

    async def reconnect(self, control: Path) -> None:
        await self._asked(self.network.connect)

    async def _asked(self, do: Callable[[Container, str], None]) -> None:
        assert self.container is not None
        try:
            await to_its_end(asyncio.to_thread(do, self.container, self.host))
        except (DockerException, OSError) as failure:
            raise LabError(said(failure)) from None

    async def signal(self, number: int) -> None:
        if self.container is not None and not self.ended.done():
            await asyncio.to_thread(send, self.container, number)

    async def until_ready(self, log: Path, within: float) -> str:
        try:
            return await super().until_ready(log, within)
        except LabError:
            if self.ready.done() or not self.ended.done():
                raise
            told = f"the container {self.name} ended at once (exit code {self.ended.result()}): {last_words(log)}"
            raise LabError(f"{told}; if SESSION_LAB_IMAGE names its image, name one of this lab") from None
