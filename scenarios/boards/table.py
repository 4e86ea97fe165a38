"""Cells in columns as wide as what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scenarios.boards.lines import Line, width_of

Cell = tuple[str, str]
"""Text and the name of its style."""


def table(heads: Sequence[str], rows: list[list[Cell]], left: set[str], gap: int) -> Iterator[Line]:
    """Columns as wide as what is in them: words, under the heads in `left`, flush left and numbers flush right."""
    columns = widths(heads, rows)
    lines = [[(head, "quiet") for head in heads], *rows]
    last = len(heads) - 1
    for cells in lines:
        line: Line = [("  ", "")]
        for index, ((text, style), width) in enumerate(zip(cells, columns, strict=True)):
            space = " " * (width - width_of(text))
            if heads[index] not in left:
                line.append((space + text, style))
            else:
                line.append((text + space if index < last else text, style))
            if index < last:
                line.append((" " * gap, ""))
        yield stripped(line)


def stripped(line: Line) -> Line:
    """Without blanks at the end."""
    line = list(line)
    while line and not line[-1][0].strip():
        line.pop()
    return [*line[:-1], (line[-1][0].rstrip(), line[-1][1])] if line else []


def widths(heads: Sequence[str], rows: list[list[Cell]]) -> list[int]:
    return [max(width_of(cell) for cell in column) for column in zip(heads, *_texts(rows), strict=True)]


def _texts(rows: list[list[Cell]]) -> list[list[str]]:
    return [[text for text, _ in row] for row in rows]
