"""The board: one frame from one fold. It lays out and words what the fold holds, and computes nothing of its own."""

from __future__ import annotations

import textwrap

from scenarios.boards import panels
from scenarios.boards.chart import chart
from scenarios.boards.digits import big
from scenarios.boards.lines import UNICODE, Frame, Glyphs, Line, beside, clean, fit, shorten, stack, width_of
from scenarios.boards.words import big_percent, clock, count, counted, percent
from scenarios.folds.fold import Fold

WIDE = 120  # columns from which on there are three panels beside each other
DIGITS = 22  # columns of the large rate


class Board:
    """Draws folds with these glyphs."""

    def __init__(self, glyphs: Glyphs = UNICODE, title: str = "Session Lab") -> None:
        self.glyphs = glyphs
        self.title = title

    def render(self, fold: Fold, width: int, height: int) -> Frame:
        """A frame of exactly `width` columns and `height` lines; what does not fit is left out from the bottom."""
        lines = [self._head(fold, width), *self._story(fold, width, height), *self._now(fold, width)]
        room = height - len(lines)
        lists = self._list_height(fold, room)
        lists += (room - lists + 1) % 2  # the chart gets an odd number of rows, one of them for 50 %
        lines += chart(fold, width, height - len(lines) - lists - 1, self.glyphs)
        above = stack(lines, width, max(0, height - lists))
        return Frame(above + (self._lists(fold, width, lists) if lists else []), width)

    def _head(self, fold: Fold, width: int) -> Line:
        time = clock(fold.now - fold.began) if fold.now is not None and fold.began is not None else ""
        act = f" {self.glyphs.dot} {clean(fold.act.title, self.glyphs)}" if fold.act else ""
        room = width - width_of(time) - 1
        left = fit([(shorten(self.title + act, room, self.glyphs), "title")], room + 1)
        return [*left, (time, "quiet")]

    def _now(self, fold: Fold, width: int) -> list[Line]:
        """The rate in large digits, and beside it the same in words."""
        rate = fold.rate_now
        style = "quiet" if rate is None else "BAD" if rate else "GOOD"
        text = big_percent(rate)
        digits = big(text, self.glyphs)
        signs = ["", "", " %" if rate is not None else ""]
        lines: list[Line] = []
        for row, fact in zip(range(3), self._facts(fold), strict=True):
            shown = fit([(" " + digits[row], style), (signs[row], style)], DIGITS)
            lines.append([*shown, *fact] if width >= 60 else shown)
        return lines

    def _facts(self, fold: Fold) -> list[Line]:
        counts = fold.act.counts if fold.act else fold.totals
        since = "in this act" if fold.act else "in all"
        promise: Line = [] if fold.theory is None else [("   theory ", "quiet"), (percent(fold.theory), "theory")]
        now = "logged out, of the last 5 s" if fold.rate_now is not None else "no wristband seen in the last 5 s"
        dot = f" {self.glyphs.dot} "
        setting = dot.join(
            clean(part, self.glyphs)
            for part in (
                f"store {fold.store}" if fold.store else "",
                fold.policy,
                counted(len(fold.servers), "server") if fold.servers else "",
            )
            if part
        )
        third: Line = [(setting, "strong")]
        if fold.dropped:  # first, for it must not be cut off
            third = [(f"{counted(fold.dropped, 'event')} missed: counts are too low{dot}", "moment"), *third]
        return [
            [(now, ""), *promise],
            [
                (f"{percent(counts.rate)} {since}", "strong"),
                (f": {count(counts.logged_out)} of {count(counts.with_session)} with a wristband", "quiet"),
            ],
            third,
        ]

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
        if width < 70:
            return stack(panels.servers(fold, width, height, glyphs), width, height)
        if width < WIDE:
            left, right = panels.SERVER_WIDTH, width - panels.SERVER_WIDTH - 2
            rows = panels.shares([len(fold.acts) + 1, len(fold.moments) + 1, height], height)
            stacked = [
                *stack(panels.tickets(fold, right, rows[2], glyphs), right, rows[2]),
                *panels.moments(fold, right, rows[1], glyphs),
                *(panels.acts(fold, right, rows[0], glyphs) if fold.acts else []),
            ]
            return beside([(panels.servers(fold, left, height, glyphs), left), (stacked, right)], height)
        left = max(panels.SERVER_WIDTH, (width - 4) // 3)
        middle = (width - 4 - left) // 2
        right = width - 4 - left - middle
        rows = panels.shares([len(fold.acts) + 2, height], height, least=4)
        stacked = [
            *stack(panels.acts(fold, right, rows[0], glyphs), right, rows[0]),
            *panels.moments(fold, right, rows[1], glyphs),
        ]
        return beside(
            [
                (panels.servers(fold, left, height, glyphs), left),
                (panels.tickets(fold, middle, height, glyphs), middle),
                (stacked, right),
            ],
            height,
        )
