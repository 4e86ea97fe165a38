"""The logout rate over time as braille dots, with the theory's dashes and a line where something was switched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scenarios.boards.lines import Glyphs, Line, Span
from scenarios.boards.words import clock, letter, percent
from scenarios.folds.fold import Fold
from scenarios.folds.records import Moment
from scenarios.folds.series import Bucket

SCALE = 6  # columns left of the plot: "100 % "
LEGEND = 9  # columns right of it: " ─ 90.0 %"
BIT = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # braille: dot (row, column) -> bit of the code point


Layer = dict[int, int]  # of one row: column -> bits; most cells of a chart are empty


class Plot:
    """A grid of cells, each 2 x 4 dots in braille or one dot in ASCII."""

    def __init__(self, columns: int, rows: int, glyphs: Glyphs) -> None:
        self.columns, self.rows, self.glyphs = columns, rows, glyphs
        self.wide, self.high = (2, 4) if glyphs.unicode else (1, 1)
        self.dots_wide, self.dots_high = columns * self.wide, rows * self.high
        self.measured: list[Layer] = [{} for _ in range(rows)]
        self.theory: list[Layer] = [{} for _ in range(rows)]
        self.logouts = [False] * columns  # whether the column saw any: zero is drawn calmly
        self.moments: dict[int, int] = {}  # column -> number of the moment

    def height_of(self, rate: float) -> int:
        """The dot row of a rate, 0 at the top."""
        return round((1 - min(1.0, max(0.0, rate))) * (self.dots_high - 1))

    def dot(self, layer: list[Layer], x: int, y: int) -> None:
        cells, column = layer[y // self.high], x // self.wide
        cells[column] = cells.get(column, 0) | BIT[y % 4][x % 2]

    def cells(self, row: int) -> Iterator[tuple[int, Span]]:
        """The cells of a row that hold something, from left to right: what was measured hides theory hides moments."""
        measured, theory = self.measured[row], self.theory[row]
        braille = self.glyphs.unicode
        for column in sorted({*measured, *theory, *self.moments}):
            dots, dashes = measured.get(column, 0), theory.get(column, 0)
            if dots:
                style = "bad" if self.logouts[column] else "good"
                yield column, (chr(0x2800 + (dots | dashes)) if braille else "*", style)
            elif dashes:
                yield column, (chr(0x2800 + dashes) if braille else "-", "theory")
            else:
                yield column, (self.glyphs.moment, "moment")


def chart(fold: Fold, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """`height` lines: the plot, and below it the axis with the letters of the moments. Empty when there is no room."""
    columns, rows = width - SCALE - LEGEND, height - 1
    if columns < 10 or rows < 2:
        return []
    plot = Plot(columns, rows, glyphs)
    buckets = fold.series.buckets(plot.dots_wide)
    zoom = _zoom(len(buckets), plot)
    _draw_theory(plot, buckets, zoom)
    _draw_measured(plot, buckets, zoom)
    if buckets:
        _place_moments(plot, buckets[0].start, fold.series.width, zoom, fold.moments)
    lines = [_row(plot, row, fold.theory) for row in range(rows)]
    return [*lines, _axis(plot, len(buckets) * fold.series.width)]


def _zoom(buckets: int, plot: Plot) -> int:
    """Dots per bucket: as many as let the whole history fit; then 1, and the chart scrolls."""
    return next((zoom for zoom in (8, 4, 2) if buckets * zoom <= plot.dots_wide), 1)


def _draw_theory(plot: Plot, buckets: list[Bucket], zoom: int) -> None:
    dash = plot.wide
    for index, bucket in enumerate(buckets):
        if bucket.theory is None:
            continue
        y = plot.height_of(bucket.theory)
        for x in range(index * zoom, (index + 1) * zoom):
            if x // dash % 2 == 0:
                plot.dot(plot.theory, x, y)


def _draw_measured(plot: Plot, buckets: list[Bucket], zoom: int) -> None:
    """One step a bucket, joined to its neighbour; a gap where nothing carried a session ID."""
    before: int | None = None
    for index, bucket in enumerate(buckets):
        if bucket.rate is None:
            before = None
            continue
        y = plot.height_of(bucket.rate)
        for x in range(index * zoom, (index + 1) * zoom):
            plot.dot(plot.measured, x, y)
            plot.logouts[x // plot.wide] |= bucket.rate > 0
        if before is not None:
            for between in range(min(before, y), max(before, y)):
                plot.dot(plot.measured, index * zoom, between)
        before = y


def _place_moments(plot: Plot, start: float, width: float, zoom: int, moments: Iterable[Moment]) -> None:
    for moment in moments:
        column = int((moment.time - start) / width * zoom) // plot.wide
        if moment.time >= start and column < plot.columns:
            plot.moments[column] = moment.number  # of several in one column the last is shown


def _row(plot: Plot, row: int, theory: float | None) -> Line:
    labels = {0: "100 %", plot.rows // 2: " 50 %" if plot.rows % 2 else "", plot.rows - 1: "  0 %"}
    line: Line = [(labels.get(row, "").ljust(SCALE), "quiet")]
    end = 0
    for column, cell in plot.cells(row):
        if column > end:
            line.append((" " * (column - end), ""))
        line.append(cell)
        end = column + 1
    line = [*_joined(line), (" " * (plot.columns - end), "")]
    if theory is not None and plot.height_of(theory) // plot.high == row:
        line.append((f" {plot.glyphs.rule} {percent(theory)}", "theory"))
    return line


def _axis(plot: Plot, seconds: float) -> Line:
    rule = plot.glyphs.rule
    line: Line = [(" " * SCALE, "")]
    for column in range(plot.columns):
        number = plot.moments.get(column)
        line.append((rule, "quiet") if number is None else (letter(number), "moment"))
    line.append((f" {clock(seconds)}", "quiet"))
    return _joined(line)


def _joined(line: Line) -> Line:
    """Neighbouring spans of one style as one."""
    joined: Line = []
    for text, style in line:
        if joined and joined[-1][1] == style:
            joined[-1] = (joined[-1][0] + text, style)
        else:
            joined.append((text, style))
    return joined
