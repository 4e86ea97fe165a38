"""A panel of the board as a widget: the same lines as on the rich board, and only those that changed drawn again."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from scenarios.boards.lines import STYLES, Line, stack

Draw = Callable[[int, int], list[Line]]
"""(width, height) to lines; what is too long or too much is cut."""


class Panel(Widget):
    """Shows what `draw` says, as of the last `redraw`."""

    def __init__(self, draw: Draw, id: str) -> None:
        super().__init__(id=id)
        self.draw = draw
        self._drawn: list[Line] = []
        self._strips: list[Strip] = []

    def redraw(self) -> None:
        """Ask for the lines again, and have those drawn that are not on the screen already."""
        width, height = self.size
        if not self.display or not width or not height:
            return
        lines = stack(self.draw(width, height), width, height)
        if len(lines) != len(self._drawn):
            changed = list(range(height))
        else:
            changed = [row for row, line in enumerate(lines) if line != self._drawn[row]]
            if not changed:
                return
        strips = self._strips if len(self._strips) == height else [Strip([])] * height
        for row in changed:
            strips[row] = Strip([Segment(text, STYLES[style]) for text, style in lines[row] if text], width)
        self._drawn, self._strips = lines, strips
        self.refresh(*(Region(0, row, width, 1) for row in changed))

    def render_line(self, y: int) -> Strip:
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)

    def on_resize(self) -> None:
        self._drawn = []
        self.redraw()
