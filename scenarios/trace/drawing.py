"""A sequence diagram in lines of text: lanes from left to right, time going down. Pure."""

from collections.abc import Iterable, Sequence

from scenarios.boards.lines import Glyphs, Line, clean, shorten, width_of
from scenarios.trace.story import BALANCER, BROWSER, STORE, Message

MARGIN = 4  # columns left of the first lane, for the numbers of the steps
NARROWEST = 11  # columns between two lanes
ROOM = 12  # columns right of the last lane
SERVER = "server"  # the lane of all servers, where there is no room for one each


class Drawing:
    """`servers` in the order of their lanes; `store` is what the last lane is called."""

    def __init__(self, servers: Sequence[str], store: str, width: int, glyphs: Glyphs) -> None:
        self.width, self.glyphs = width, glyphs
        each = (width - MARGIN) // (len(servers) + 3) >= NARROWEST
        lanes = [BROWSER, BALANCER, *(servers if each else [SERVER]), STORE]
        gap = (width - MARGIN - 3 - max(len(store), ROOM)) // (len(lanes) - 1)
        self._columns = {lane: MARGIN + 3 + number * gap for number, lane in enumerate(lanes)}
        if not each:
            self._columns |= dict.fromkeys(servers, self._columns[SERVER])
        self._names = {lane: store if lane == STORE else lane for lane in lanes}

    def head(self) -> list[Line]:
        """The lanes' names, each above its line."""
        row = [" "] * self.width
        for lane, name in self._names.items():
            start = min(max(MARGIN, self._columns[lane] - len(name) // 2), self.width - len(name))
            row[start : start + len(name)] = name
        return [[("".join(row).rstrip(), "heading")]]

    def lines(self, messages: Iterable[Message]) -> list[Line]:
        drawn: list[Line] = []
        for message in messages:
            if message.source == BROWSER:  # a click begins
                drawn.append([(self._lanes(), "quiet")])
            drawn += self.message(message)
        return drawn

    def message(self, message: Message) -> list[Line]:
        """What is said, and below it the arrow; something done within a lane has no arrow."""
        source, target = self._columns[message.source], self._columns[message.target]
        style = "bad" if message.bad else ""
        said = self._said(message, min(source, target), style)
        return [said] if source == target else [said, self._arrow(source, target, style)]

    def _said(self, message: Message, column: int, style: str) -> Line:
        text = shorten(
            clean(message.text.replace("…", self.glyphs.ellipsis), self.glyphs), self.width - MARGIN - 1, self.glyphs
        )
        start = min(column + 2, self.width - width_of(text))
        number = str(message.step) if message.step else ""
        lanes = self._lanes()
        after = start + width_of(text) + 1
        before: Line = [(number.rjust(2), "strong"), (lanes[2 : start - 1].ljust(start - 3), "quiet")]
        return (
            [*before, (f" {text} ", style), (lanes[after:], "quiet")]
            if lanes[after:]
            else [*before, (f" {text}", style)]
        )

    def _arrow(self, source: int, target: int, style: str) -> Line:
        left, right = sorted((source, target))
        lanes, rule = self._lanes(), self.glyphs.rule
        shaft = rule * (right - left - 2)
        arrow = f"{shaft}>" if source < target else f"<{shaft}"
        return [(lanes[: left + 1], "quiet"), (arrow, style), (lanes[right:], "quiet")]

    def _lanes(self) -> str:
        row = [" "] * self.width
        for column in self._columns.values():
            row[column] = "│" if self.glyphs.unicode else "|"
        return "".join(row).rstrip()
