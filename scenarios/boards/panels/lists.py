"""The board's lists: servers, tickets, what was switched, acts. Each is lines of a width, newest where the eye is."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from scenarios.boards.lines import Glyphs, Line, Span, clean, phrase, shorten, stack, width_of
from scenarios.boards.words import clock, count, counted, letter, percent
from scenarios.folds.fold import Fold
from scenarios.folds.records import Server

HEALTH = {
    "up": ("up", "good"),
    "down": ("down", "BAD"),
    "paused": ("paused", "moment"),
    "partitioned": ("cut", "moment"),
    "slow": ("slow", "moment"),
    "draining": ("drains", "moment"),
    "gone": ("gone", "quiet"),
}  # word of at most six letters, style
COLUMNS = {"server": 10, "requests": 8, "known": 7, "unknown": 8, "share": 6, "state": 7}  # of the table of servers
LEFT_OUT = ("share", "known", "requests", "unknown", "state")  # in this order where the room is too narrow for all
SERVER_WIDTH = sum(COLUMNS.values())  # what is more becomes a bar


def servers(fold: Fold, width: int, height: int, glyphs: Glyphs, chosen: str | None = None) -> list[Line]:
    """One row per server; when there are more than rows, the last row says how many are not shown. The one that is
    chosen is among them, and marked."""
    columns = columns_in(width)
    bar = width - SERVER_WIDTH - 2 if width - SERVER_WIDTH >= 12 else 0
    heads = (f"{name:>{COLUMNS[name]}}" for name in columns if name not in ("server", "state"))
    head = "".join((f"{'Server':<10}", *heads, " state" if "state" in columns else ""))
    lines: list[Line] = [[(head, "heading")]]
    rows = list(fold.servers.values())
    first, count_shown = window(list(fold.servers), chosen, height - 1)
    most = max((row.known + row.unknown for row in rows), default=0)
    for row in rows[first : first + count_shown]:
        lines.append([*_server(fold, row, columns, row.name == chosen, glyphs), *_bar(row, bar, most, glyphs)])
    if not rows:
        lines.append([(phrase("no server has answered yet", width, glyphs), "quiet")])
    elif count_shown < len(rows):
        more = f"{glyphs.ellipsis} and {counted(len(rows) - count_shown, 'more server')}"
        lines.append([(phrase(more, width, glyphs), "quiet")])
    return lines[:height]


def columns_in(width: int) -> list[str]:
    """The columns of the table of servers that fit."""
    kept = list(COLUMNS)
    for name in LEFT_OUT:
        if sum(COLUMNS[column] for column in kept) <= width:
            break
        kept.remove(name)
    return kept


def window(names: Sequence[str], chosen: str | None, room: int) -> tuple[int, int]:
    """(first, count) of the names to show in `room` lines: the first ones, or those up to the one that is chosen. A
    line is left for how many more there are."""
    if len(names) <= room:
        return 0, len(names)
    count = max(0, room - 1)
    at = names.index(chosen) if chosen in names else 0
    return max(0, at - count + 1), count


def part(share: float | None) -> str:
    """A server's share of the requests."""
    return "-" if share is None else f"{share * 100:.0f} %"


def padded(text: str, width: int, glyphs: Glyphs) -> str:
    """Text from the feed in a column: cleaned, cut to leave a space, padded."""
    text = shorten(clean(text, glyphs), width - 1, glyphs)
    return text + " " * (width - width_of(text))


def _server(fold: Fold, row: Server, columns: list[str], chosen: bool, glyphs: Glyphs) -> Line:
    health, style = HEALTH[row.health]
    name_style = "chosen" if chosen else "strong" if row.health == "up" else "quiet"
    cells: dict[str, Span] = {
        "server": (padded(row.name, 10, glyphs), name_style),
        "requests": (f"{count(row.requests):>8}", ""),
        "known": (f"{count(row.known):>7}", "good" if row.known else "quiet"),
        "unknown": (f"{count(row.unknown):>8}", "bad" if row.unknown else "quiet"),
        "share": (f"{part(fold.share(row)):>6}", ""),
        "state": (f" {health:<6}", style),
    }
    return [cells[column] for column in columns]


def _bar(row: Server, bar: int, most: int, glyphs: Glyphs) -> Line:
    """Known and unknown as lengths, the longest row taking all of `bar` columns."""
    if not bar or not most:
        return []
    known, unknown = round(bar * row.known / most), round(bar * row.unknown / most)
    unknown = min(unknown, bar - known)
    return [("  ", ""), (glyphs.bar_known * known, "good"), (glyphs.bar_unknown * unknown, "bad")]


def tickets(fold: Fold, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """The newest tickets that fit, in the users' words; the newest at the bottom of the pile is the last line."""
    head: Line = [("Tickets ", "heading"), (count(fold.ticket_count), "BAD" if fold.ticket_count else "quiet")]
    if not fold.tickets:
        return [head, [("nobody has complained", "quiet")]][:height]
    opening, closing = glyphs.quotes
    pile: list[Line] = []
    for ticket in reversed(fold.tickets):
        said = textwrap.wrap(f"{opening}{clean(ticket.text, glyphs)}{closing}", max(10, width - 10)) or [""]
        if len(pile) + len(said) > height - 1:
            break
        label = padded(ticket.user, 10, glyphs)
        pile = [[(label if i == 0 else " " * 10, "quiet"), (part, "")] for i, part in enumerate(said)] + pile
    if not pile:  # not even one whole ticket fits
        text = f"{opening}{clean(fold.tickets[-1].text, glyphs)}{closing}"
        pile = [[(phrase(text, width, glyphs), "")]]
    return [head, *pile][:height]


def moments(fold: Fold, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """What was switched, killed, scaled, and when; the letter is the one under the chart."""
    head: Line = [("What was done", "heading")]
    if not fold.moments:
        return [head, [("nothing yet", "quiet")]][:height]
    began = fold.began or 0.0
    room = max(0, height - 1)
    shown = list(fold.moments)[len(fold.moments) - min(room, len(fold.moments)) :]
    lines = [head]
    for moment in shown:
        text = f"{moment.what.replace('_', ' ')} {moment.detail}".strip()
        when = f"{letter(moment.number)} {clock(moment.time - began):>5} "
        style = "strong" if moment.what == "act" else ""
        lines.append([(when, "moment"), (phrase(clean(text, glyphs), width - len(when), glyphs), style)])
    return lines


def acts(fold: Fold, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """Acts done, with what was measured, what theory says where there is room for it, and the verdict."""
    column = 8 if width >= 40 else 7
    heads = ["measured" if column > 7 else "rate", *(["theory"] if width >= 32 else [])]
    name_width = max(4, width - column * len(heads) - 5)
    lines: list[Line] = [[("Acts".ljust(name_width) + "".join(f"{head:>{column}}" for head in heads), "heading")]]
    for act in list(fold.acts)[-max(0, height - 1) :] if height > 1 else []:
        rates = [(percent(act["logout_rate"]), ""), (percent(act["theory_rate"]), "theory")]
        lines.append(
            [
                (padded(act["name"], name_width, glyphs), ""),
                *((f"{rate:>{column}}", style) for rate, style in rates[: len(heads)]),
                (f" {clean(act['verdict'], glyphs)}", "GOOD" if act["verdict"] == "pass" else "BAD"),
            ]
        )
    if not fold.acts:
        lines.append([("none done yet", "quiet")])
    return lines[:height]


def told(fold: Fold, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """Tickets, what was done and acts, one above the other in fair parts."""
    rows = shares([len(fold.acts) + 1, len(fold.moments) + 1, height], height)
    return [
        *stack(tickets(fold, width, rows[2], glyphs), width, rows[2]),
        *moments(fold, width, rows[1], glyphs),
        *(acts(fold, width, rows[0], glyphs) if fold.acts else []),
    ]


def shares(wants: list[int], height: int, least: int = 2) -> list[int]:
    """Rows for panels one above the other that would like `wants` rows each: all of it, or a fair part of `height`."""
    rows = [min(want, least) for want in wants]
    while sum(rows) < height and any(row < want for row, want in zip(rows, wants, strict=True)):
        poorest = min((i for i in range(len(rows)) if rows[i] < wants[i]), key=lambda i: rows[i])
        rows[poorest] += 1
    return rows
