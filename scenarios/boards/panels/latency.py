"""How long requests take: percentiles of the last seconds, and the 95th second by second."""

from __future__ import annotations

from scenarios.boards.lines import Glyphs, Line, phrase
from scenarios.boards.words import counted, duration
from scenarios.folds.fold import Fold
from scenarios.folds.latency import RECENT

PARTS = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
LABEL = 5  # columns before a value


def latency(fold: Fold, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """A line for each percentile, and with what is left of the height the history as bars."""
    lines: list[Line] = [[(phrase(f"Latency of the last {RECENT} s", width, glyphs), "heading")]]
    values = fold.latency.percentiles(*PARTS.values())
    for name, value in zip(PARTS, values, strict=True):
        said = "-" if value is None else duration(value)
        lines.append([(f"{name:<{LABEL}}", "quiet"), (f"{said:>9}", "strong")])
    lines.append([(phrase(f"of {counted(fold.latency.requests(), 'request')}", width, glyphs), "quiet")])
    rows = min(5, height - len(lines) - 2)
    return [*lines, *(_history(fold, width, rows, glyphs) if rows >= 1 else [])][:height]


def _history(fold: Fold, width: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """Bars `rows` lines high under a line that says what their top is."""
    seconds = [value or 0.0 for value in fold.latency.history(PARTS["p95"], width)]
    top = max(seconds, default=0.0)
    if not top:
        return []
    steps = glyphs.steps
    heights = [round(value / top * rows * len(steps)) for value in seconds]
    lines: list[Line] = [[], [(phrase(f"p95 by the second, up to {duration(top)}", width, glyphs), "quiet")]]
    for row in range(rows):
        floor = (rows - 1 - row) * len(steps)
        cells = (min(len(steps), height - floor) for height in heights)
        lines.append([("".join(steps[cell - 1] if cell > 0 else " " for cell in cells), "theory")])
    return lines
