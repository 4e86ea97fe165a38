"""The board: one frame from one fold. It lays out and words what the fold holds, and computes nothing of its own."""

from __future__ import annotations

import textwrap

from scenarios.boards.chart import chart
from scenarios.boards.lines import UNICODE, Frame, Glyphs, Line, beside, clean, stack
from scenarios.boards.panels import lists
from scenarios.boards.panels.followed import followed
from scenarios.boards.panels.heading import heading, rate_now
from scenarios.folds.fold import Fold

WIDE = 120  # columns from which on there are three panels beside each other


class Board:
    """Draws folds with these glyphs."""

    def __init__(self, glyphs: Glyphs = UNICODE, title: str = "Session Lab") -> None:
        self.glyphs = glyphs
        self.title = title

    def render(self, fold: Fold, width: int, height: int) -> Frame:
        """A frame of exactly `width` columns and `height` lines; what does not fit is left out from the bottom."""
        lines = [
            heading(fold, self.title, width, self.glyphs),
            *self._story(fold, width, height),
            *rate_now(fold, width, self.glyphs),
        ]
        room = height - len(lines)
        below = self._list_height(fold, room)
        below += (room - below + 1) % 2  # the chart gets an odd number of rows, one of them for 50 %
        lines += chart(fold, width, height - len(lines) - below - 1, self.glyphs)
        above = stack(lines, width, max(0, height - below))
        return Frame(above + (self._lists(fold, width, below) if below else []), width)

    def _story(self, fold: Fold, width: int, height: int) -> list[Line]:
        """The act in its two sentences, where there is room for them."""
        if height < 34:
            return []
        text = " ".join(clean(fold.act.text, self.glyphs).split()) if fold.act else ""
        return [*stack([[(part, "quiet")] for part in textwrap.wrap(text, width)], width, 2), []]

    def _list_height(self, fold: Fold, room: int) -> int:
        """Lines for the lists: the chart takes two fifths, unless the servers need more and it keeps seven."""
        if room < 8:
            return 0
        return max(room * 3 // 5, min(len(fold.servers) + 1, room - 9)) - 1

    def _lists(self, fold: Fold, width: int, height: int) -> list[Line]:
        glyphs = self.glyphs
        if fold.following:
            return stack(followed(fold, width, height, glyphs), width, height)
        if width < 70:
            return stack(lists.servers(fold, width, height, glyphs), width, height)
        if width < WIDE:
            left, right = lists.SERVER_WIDTH, width - lists.SERVER_WIDTH - 2
            told = lists.told(fold, right, height, glyphs)
            return beside([(lists.servers(fold, left, height, glyphs), left), (told, right)], height)
        left = max(lists.SERVER_WIDTH, (width - 4) // 3)
        middle = (width - 4 - left) // 2
        right = width - 4 - left - middle
        rows = lists.shares([len(fold.acts) + 2, height], height, least=4)
        stacked = [
            *stack(lists.acts(fold, right, rows[0], glyphs), right, rows[0]),
            *lists.moments(fold, right, rows[1], glyphs),
        ]
        return beside(
            [
                (lists.servers(fold, left, height, glyphs), left),
                (lists.tickets(fold, middle, height, glyphs), middle),
                (stacked, right),
            ],
            height,
        )
