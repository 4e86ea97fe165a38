"""Playing the cells: a cluster for each `on_unknown`, changed live from cell to cell; new users in every cell."""

import os
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from itertools import groupby
from typing import Any

from scenarios import runtime, theory
from scenarios.cluster import CLUSTERS
from scenarios.cluster.base import Cluster
from scenarios.stage import Lab, Settings
from scenarios.sweep.folder import Folder
from scenarios.sweep.grid import Cell, Grid

TEXT = "Users shop in this setting; the rate they meet is held beside the law for it."


async def sweep(grid: Grid, folder: Folder) -> AsyncGenerator[tuple[Cell, dict[str, Any]], None]:
    """Play what is not done yet; each cell is in the folder before it is yielded. Raises LabError."""
    todo = [cell for cell in grid.cells() if cell not in folder.done]
    for on_unknown, cells in groupby(todo, key=lambda cell: cell.on_unknown):
        async with aclosing(_on_one_cluster(grid, on_unknown, list(cells))) as played:
            async for cell, record in played:
                folder.add(cell, record)
                yield cell, record


async def _on_one_cluster(
    grid: Grid, on_unknown: str, cells: Iterable[Cell]
) -> AsyncGenerator[tuple[Cell, dict[str, Any]], None]:
    place = runtime.claim(f"sweep-{os.getpid()}")
    try:
        kind = CLUSTERS[grid.cluster]
        async with await kind.start(place.folder, on_unknown=on_unknown, keep=(place.lock,)) as cluster:
            for cell in cells:
                yield cell, await play(cluster, cell, grid)
    finally:
        place.release()


async def play(cluster: Cluster, cell: Cell, grid: Grid) -> dict[str, Any]:
    """One cell: the record of its act, with the cell's own settings."""
    settings = Settings(seed=grid.seed, servers=cell.servers, users=grid.users, on_unknown=cell.on_unknown)
    lab = Lab(cluster, settings, lambda record, text: None)
    try:
        await lab.arrange(servers=cell.servers, store=cell.store, policy=cell.policy)
        law = theory.steady_rate(cell.servers, cell.store, cell.policy, cell.on_unknown)
        async with lab.act("cell", TEXT, law) as act:
            await act.shop(grid.requests)
    finally:
        await lab.close()
    return {**lab.acts[0], "on_unknown": cell.on_unknown}
