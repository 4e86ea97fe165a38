"""A sweep as people see it: a progress bar or a log while it runs, then the table, the CSV and the plot."""

import sys
from contextlib import aclosing
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from scenarios.boards.terminal import console_for, takes_over
from scenarios.cluster import CLUSTERS
from scenarios.sweep.folder import Folder
from scenarios.sweep.grid import Grid
from scenarios.sweep.play import sweep
from scenarios.sweep.told import disagreeing, in_order, one_line, report, write_csv


async def through(grid: Grid, path: Path) -> int:
    """Play what is missing and show everything; the exit code: 1 when a cell disagrees with theory. Raises LabError."""
    folder = Folder(path, grid)
    cells = list(grid.cells())
    await CLUSTERS[grid.cluster].prepare()
    try:
        await play(grid, folder, len(cells))
    finally:
        records = in_order(folder.done, cells)
        if len(records) < len(cells):
            left = f"{len(records)} of {len(cells)} cells are in {path}; the same command goes on from there"
            print(f"lab: stopped: {left}", file=sys.stderr)
    console_for(sys.stdout).print(report(records))
    write_csv(path / "sweep.csv", records)
    written = ["sweep.csv"]
    try:
        from scenarios.sweep import plot
    except ImportError:
        print("lab: no plot: it needs matplotlib; pip install 'session-lab[reports]'", file=sys.stderr)
    else:
        plot.draw(records, path / "sweep.svg")
        written.append("sweep.svg")
    print(f"  {path}: {', '.join(written)}")
    return 1 if disagreeing(records) else 0


async def play(grid: Grid, folder: Folder, cells: int) -> None:
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=console_for(sys.stderr), transient=True, disable=not takes_over(sys.stderr),
    )  # fmt: skip
    with bar:
        task = bar.add_task("sweep", total=cells, completed=len(folder.done))
        async with aclosing(sweep(grid, folder)) as played:
            async for cell, record in played:
                bar.update(task, advance=1, description=str(cell))
                if bar.disable:
                    print(one_line(len(folder.done), cells, cell, record), file=sys.stderr, flush=True)
