"""Lines of styled text of an exact width: what every panel of the board is made of. Cheap on purpose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.style import Style

Span = tuple[str, str]
"""Text and the name of its style."""
Line = list[Span]

# Words beside each colour say the same, for NO_COLOR and for eyes that do not tell red from green.
STYLES = {
    "": Style.null(),
    "strong": Style.parse("bold"),
    "quiet": Style.parse("dim"),
    "title": Style.parse("bold"),
    "heading": Style.parse("bold"),
    "bad": Style.parse("red"),
    "BAD": Style.parse("bold red"),
    "good": Style.parse("green"),
    "GOOD": Style.parse("bold green"),
    "theory": Style.parse("cyan"),
    "moment": Style.parse("yellow"),
    "chosen": Style.parse("bold reverse"),
}


@dataclass(frozen=True)
class Glyphs:
    """The characters of the board that are not plain letters."""

    unicode: bool
    rule: str
    ellipsis: str
    dot: str  # between facts
    moment: str  # the vertical line in the chart where something was switched
    bar_known: str
    bar_unknown: str
    quotes: tuple[str, str]
    known: tuple[str, str, str, str]  # known, stranger, and both with an earlier wristband
    steps: str  # bars, from the lowest
    edge: str  # of a card
    chosen: str  # the edge of the one that is chosen


UNICODE = Glyphs(True, "─", "…", "·", "┊", "━", "━", ("“", "”"), ("●", "×", "○", "·"), "▁▂▃▄▅▆▇█", "▌", "▶")
ASCII = Glyphs(False, "-", "~", "-", ":", "=", "x", ('"', '"'), ("#", "x", "o", "."), "#", "|", ">")


def glyphs_for(encoding: str | None) -> Glyphs:
    """The glyphs a stream of this encoding can carry."""
    name = (encoding or "ascii").lower().replace("-", "").replace("_", "")
    return UNICODE if name in ("utf8", "utf16", "utf32", "gb18030") else ASCII


def clean(text: str, glyphs: Glyphs) -> str:
    """Text from the feed, fit for a terminal: on one line, without control codes, ASCII where need be."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)
    return text if glyphs.unicode or text.isascii() else text.encode("ascii", "replace").decode()


def width_of(text: str) -> int:
    """Terminal columns the text takes."""
    return len(text) if text.isascii() else cell_len(text)


def shorten(text: str, width: int, glyphs: Glyphs) -> str:
    """The text, cut with an ellipsis when it is wider than `width` columns."""
    if width_of(text) <= width:
        return text
    return set_cell_size(text, max(0, width - 1)).rstrip() + glyphs.ellipsis if width > 0 else ""


def phrase(text: str, width: int, glyphs: Glyphs) -> str:
    """The same for a sentence: cut between words where that leaves half of the room or more."""
    if width_of(text) <= width:
        return text
    kept = set_cell_size(text, max(0, width - 1))
    at = kept.rfind(" ") if text[len(kept) : len(kept) + 1] != " " else len(kept)
    return kept[:at].rstrip(" ,;:") + glyphs.ellipsis if at * 2 >= width > 1 else shorten(text, width, glyphs)


def whole(parts: Sequence[Line], width: int, glyphs: Glyphs) -> Line:
    """As many of the parts as fit, from the first on, none of them cut - but the first, if it alone is too wide."""
    line: Line = []
    left = width
    for part in parts:
        left -= sum(width_of(text) for text, _ in part)
        if left < 0:
            break
        line += part
    if not line and parts:
        text, style = "".join(text for text, _ in parts[0]), parts[0][0][1]
        line = [(phrase(text, width, glyphs), style)]
    return line


def fit(line: Iterable[Span], width: int) -> Line:
    """The line cut or padded to exactly `width` columns."""
    fitted: Line = []
    left = width
    for text, style in line:
        taken = width_of(text)
        if taken >= left:
            fitted.append((set_cell_size(text, left), style))
            return fitted
        fitted.append((text, style))
        left -= taken
    fitted.append((" " * left, ""))
    return fitted


def stack(lines: Sequence[Line], width: int, height: int) -> list[Line]:
    """Exactly `height` lines of exactly `width` columns."""
    blank: Line = [(" " * width, "")]
    return [fit(line, width) for line in lines[:height]] + [blank] * (height - len(lines))


def beside(blocks: Sequence[tuple[list[Line], int]], height: int, gap: int = 2) -> list[Line]:
    """Blocks of (lines, width) side by side, each brought to the same height."""
    space: Span = (" " * gap, "")
    columns = [stack(lines, width, height) for lines, width in blocks]
    rows: list[Line] = [list(line) for line in columns[0]]
    for column in columns[1:]:
        for row, line in zip(rows, column, strict=True):
            row += [space, *line]
    return rows


class Frame:
    """A rich renderable of finished lines, each exactly `width` columns."""

    def __init__(self, lines: Sequence[Line], width: int) -> None:
        self.lines = lines
        self.width = width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        return self._segments()

    def _segments(self) -> Iterator[Segment]:
        for line in self.lines:
            for text, style in line:
                if text:
                    yield Segment(text, STYLES[style])
            yield Segment.line()

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(self.width, self.width)

    def text(self) -> str:
        """The frame as plain text, without trailing spaces."""
        return "\n".join("".join(text for text, _ in line).rstrip() for line in self.lines)
