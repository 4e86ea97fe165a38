"""One process of a cluster as a container."""

import asyncio
from pathlib import Path

from docker.models.containers import Container

from scenarios.cluster.children import Child
from scenarios.cluster.docker_engine import send
from scenarios.cluster.programs import last_words
from scenarios.errors import LabError


class ContainerChild(Child):
    """One container. A stopped process is a paused one here: its connections stay, nothing answers."""

    container: Container | None = None

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
