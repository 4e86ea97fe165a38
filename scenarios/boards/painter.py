"""rich.Live with a painter of its own: only the lines that changed are written, so there is nothing to flicker.

rich's own refresh renders, crops and styles every cell of the screen anew for each frame: 4 % of a core at 160x50.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.color import ColorSystem
from rich.console import Console
from rich.live import Live

from scenarios.boards.lines import STYLES, Frame, Line

REPAINT = 20  # frames after which all is written again, in case something else has written to the terminal


class Painter(Live):
    """The alternate screen, showing `draw(width, height)` at each `refresh`; it follows the terminal's size."""

    def __init__(self, console: Console, draw: Callable[[int, int], Frame]) -> None:
        super().__init__(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self.draw = draw
        self._codes = {name: _codes(console, name) for name in STYLES}
        self._size = (0, 0)
        self._shown: list[str] = []  # what is on the screen, line by line
        self._since_repaint = 0

    def start(self, refresh: bool = False) -> None:
        self._shown = []  # the alternate screen is empty each time it is entered
        super().start(refresh=False)
        self.refresh()

    def refresh(self) -> None:
        if not self.is_started:
            return
        size = (width, height) = self.console.width, self.console.height
        lines = [self._painted(line) for line in self.draw(width, height).lines]
        self._since_repaint += 1
        written = []
        if size != self._size or self._since_repaint >= REPAINT or len(lines) != len(self._shown):
            written = ["" if size == self._size else "\x1b[2J"]
            self._size, self._since_repaint = size, 0
            self._shown = [""] * len(lines)
        for row, (line, shown) in enumerate(zip(lines, self._shown, strict=True), 1):
            if line != shown:
                written.append(f"\x1b[{row};1H{line}")
        self._shown = lines
        if written:
            self.console.file.write("".join(written))
            self.console.file.flush()

    def _painted(self, line: Line) -> str:
        codes = self._codes
        return "".join(f"{codes[style][0]}{text}{codes[style][1]}" for text, style in line if text)


def _codes(console: Console, name: str) -> tuple[str, str]:
    """What switches a style on and off on this console: nothing where it has none, no colour under NO_COLOR."""
    style = STYLES[name]
    if console.no_color:
        style = style.without_color
    # The palette of 16: the terminal's owner chose what red looks like.
    system = ColorSystem.STANDARD if console.color_system else None
    before, _, after = style.render("|", color_system=system).partition("|")
    return before, after
