"""The same cluster, every process in a container of its own on a Docker Engine."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scenarios.cluster.children import Children
from scenarios.cluster.containers.calls import abandoned
from scenarios.cluster.containers.children import Containers
from scenarios.cluster.containers.engine import TROUBLE, engine, said
from scenarios.cluster.containers.image import image, say
from scenarios.cluster.processes import ProcessCluster
from scenarios.errors import LabError


async def start(folder: Path, environ: Mapping[str, str] = os.environ, **options: Any) -> ProcessCluster:
    """As `ProcessCluster.start`. Raises LabError, with everything ended again: no engine, no image, port taken, ..."""
    for variable in ("REDIS_URL", "DATABASE_URL"):
        if environ.get(variable):
            raise LabError(f"containers cannot reach your own store: unset {variable} to let the lab start one")

    async def containers(folder: Path, keep: Sequence[int]) -> Children:
        return await Containers.start(folder, environ)

    return await ProcessCluster.start(folder, environ=environ, children=containers, **options)


async def prepare(environ: Mapping[str, str] = os.environ) -> None:
    """Have the lab's image. Raises LabError: no engine, or no image."""
    over = False

    def tell(step: str) -> None:
        if not over:
            say(step)

    client = await asyncio.to_thread(engine, environ)
    try:
        await abandoned(image, client, tell, environ)
    except TROUBLE as failure:
        raise LabError(said(failure)) from None
    finally:
        over = True
        client.close()
