"""The servers as cards, where there is room for one each; else as the table."""

from __future__ import annotations

from collections.abc import Mapping

from scenarios.boards.lines import Glyphs, Line, fit
from scenarios.boards.panels.lists import HEALTH, padded, part, servers, window
from scenarios.boards.words import count
from scenarios.folds.fold import Fold
from scenarios.folds.records import Server

WIDTH, HEIGHT = 26, 4  # of a card, with the space to the next one
FEWEST, MOST = 11, 15  # lines that the servers may take of a board


def cards(
    fold: Fold, width: int, height: int, glyphs: Glyphs, chosen: str | None, lines_in: Mapping[str, int]
) -> list[Line]:
    """`lines_in` is how many sessions each server's own logbook holds; a shared one is nobody's."""
    across = per_row(len(fold.servers), width, height)
    if not across:
        return servers(fold, width, height, glyphs, chosen)
    rows = list(fold.servers.values())
    drawn: list[Line] = []
    for begin in range(0, len(rows), across):
        deck = [_card(fold, row, row.name == chosen, lines_in, glyphs) for row in rows[begin : begin + across]]
        drawn += [[span for card in deck for span in fit(card[line], WIDTH)] for line in range(HEIGHT)]
    return drawn[:height]


def per_row(count: int, width: int, height: int) -> int:
    """Cards beside each other; 0 when they do not all fit."""
    across = width // WIDTH
    down = (height + 1) // HEIGHT  # the last row needs no space below
    return across if count and across and across * down >= count else 0


def room_for(count: int, width: int) -> int:
    """The lines to give to so many servers: those of their cards, within reason."""
    down = -(-count // max(1, width // WIDTH))
    return min(max(down * HEIGHT - 1, FEWEST), MOST)


def server_at(names: list[str], chosen: str | None, width: int, height: int, x: int, y: int) -> str | None:
    """Whose card or row is drawn at this place."""
    across = per_row(len(names), width, height)
    if across:
        index = y // HEIGHT * across + x // WIDTH
        return names[index] if x // WIDTH < across and index < len(names) else None
    first, shown = window(names, chosen, height - 1)
    return names[first + y - 1] if 1 <= y <= shown else None


def _card(fold: Fold, row: Server, chosen: bool, lines_in: Mapping[str, int], glyphs: Glyphs) -> list[Line]:
    health, style = HEALTH[row.health]
    edge = ((glyphs.chosen if chosen else glyphs.edge) + " ", "strong" if chosen else "quiet")
    held = lines_in.get(row.name)
    more = "of the requests" if held is None else f"{glyphs.dot} {count(held)} in its book"
    return [
        [edge, (padded(row.name, 11, glyphs), "chosen" if chosen else "strong"), (f" {health}", style)],
        [edge, (f"{part(fold.share(row))} {more}", "")],
        [
            edge,
            (f"{count(row.known)} known", "good" if row.known else "quiet"),
            (f"  {count(row.unknown)} not", "bad" if row.unknown else "quiet"),
        ],
        [],
    ]
