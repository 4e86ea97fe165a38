"""The grid as one SVG: a panel for each store and policy, the rate over the number of servers beside the law."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

from scenarios import theory
from scenarios.errors import LabError
from scenarios.sweep.grid import Cell

COLOURS = {"keep": "#33548c", "clear": "#8a5a00", "replace": "#b3261e"}
MARKS = {"keep": "o", "clear": "s", "replace": "^"}
STEADY: dict[Any, Any] = {"svg.hashsalt": "session-lab", "svg.fonttype": "none", "font.family": "sans-serif"}
"""The same bytes for the same figures."""


def draw(records: Mapping[Cell, Mapping[str, Any]], path: Path) -> None:
    """Raises LabError when the picture cannot be written."""
    panels: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in records:
        panels[cell.store, cell.policy].append(cell)
    with mpl.rc_context(STEADY):
        columns = min(3, len(panels))
        rows = -(-len(panels) // columns)
        figure, axes = plt.subplots(
            rows, columns, figsize=(3.6 * columns, 2.9 * rows), squeeze=False, sharey=True, layout="constrained"
        )
        for axis, ((store, policy), cells) in zip(axes.flat, panels.items(), strict=False):
            axis.set_title(f"{store}, {policy}", fontsize=10)
            _panel(axis, store, policy, cells, records)
        for axis in list(axes.flat)[len(panels) :]:
            axis.axis("off")
        figure.supxlabel("servers", fontsize=10)
        figure.supylabel("logged out, % of requests with a session ID", fontsize=10)
        try:
            figure.savefig(path, metadata={"Date": None, "Title": "Logout rate by number of servers"})
        except OSError as error:
            raise LabError(f"cannot write {path}: {error.strerror}; make room, then ask for the same again") from None
        finally:
            plt.close(figure)


def _panel(axis: Any, store: str, policy: str, cells: list[Cell], records: Mapping[Cell, Mapping[str, Any]]) -> None:
    counts = sorted({cell.servers for cell in cells})
    law = [theory.steady_rate(servers, store, policy) * 100 for servers in counts]
    axis.plot(counts, law, color="#00838f", linestyle="--", linewidth=1.2, label="theory")
    for on_unknown in dict.fromkeys(cell.on_unknown for cell in cells):
        chosen = [cell for cell in cells if cell.on_unknown == on_unknown and records[cell]["logout_rate"] is not None]
        rates = [records[cell]["logout_rate"] * 100 for cell in chosen]
        ends = [[end * 100 for end in records[cell]["ci95"]] for cell in chosen]
        below = [max(0.0, rate - low) for rate, (low, _) in zip(rates, ends, strict=True)]
        above = [max(0.0, high - rate) for rate, (_, high) in zip(rates, ends, strict=True)]
        axis.errorbar(
            [cell.servers for cell in chosen], rates, yerr=[below, above], color=COLOURS[on_unknown],
            marker=MARKS[on_unknown], markersize=4, linestyle="none", capsize=2, label=on_unknown,
        )  # fmt: skip
    axis.set_ylim(-3, 103)
    axis.locator_params(axis="x", integer=True)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, frameon=False)
