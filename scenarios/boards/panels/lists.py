"""The board's lists: servers, tickets, what was switched, acts. Each is lines of a width, newest where the eye is."""

from __future__ import annotations

import textwrap

from scenarios.boards.lines import Glyphs, Line, clean, shorten, width_of
from scenarios.boards.words import clock, count, counted, letter, percent
from scenarios.folds.fold import Fold, Server

HEALTH = {
    "up": ("up", "good"),
    "down": ("down", "BAD"),
    "paused": ("paused", "moment"),
    "draining": ("drains", "moment"),
    "gone": ("gone", "quiet"),
}  # word of at most six letters, style
SERVER_WIDTH = 46  # columns the table of servers needs; what is more becomes a bar


def servers(fold: Fold, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """One row per server; when there are more than rows, the last row says how many are not shown."""
    bar = width - SERVER_WIDTH - 2 if width - SERVER_WIDTH >= 12 else 0
    head = f"{'Server':<10}{'requests':>8}{'known':>7}{'unknown':>8}{'share':>6} {'state':<6}"
    lines: list[Line] = [[(head, "heading")]]
    rows = list(fold.servers.values())
    room = height - 1
    shown = rows if len(rows) <= room else rows[: max(0, room - 1)]
    most = max((row.known + row.unknown for row in rows), default=0)
    lines += [_server(fold, row, bar, most, glyphs) for row in shown]
    if not rows:
        lines.append([("no server has answered yet", "quiet")])
    elif len(shown) < len(rows):
        lines.append([(f"{glyphs.ellipsis} and {counted(len(rows) - len(shown), 'more server')}", "quiet")])
    return lines[:height]


def padded(text: str, width: int, glyphs: Glyphs) -> str:
    """Text from the feed in a column: cleaned, cut to leave a space, padded."""
    text = shorten(clean(text, glyphs), width - 1, glyphs)
    return text + " " * (width - width_of(text))


def _server(fold: Fold, row: Server, bar: int, most: int, glyphs: Glyphs) -> Line:
    health, style = HEALTH[row.health]
    line: Line = [
        (padded(row.name, 10, glyphs), "strong" if row.health == "up" else "quiet"),
        (f"{count(row.requests):>8}", ""),
        (f"{count(row.known):>7}", "good" if row.known else "quiet"),
        (f"{count(row.unknown):>8}", "bad" if row.unknown else "quiet"),
        (f"{fold.share(row) * 100:>4.0f} %", ""),
        (f" {health:<6}", style),
    ]
    if bar and most:
        known, unknown = round(bar * row.known / most), round(bar * row.unknown / most)
        unknown = min(unknown, bar - known)
        line += [("  ", ""), (glyphs.bar_known * known, "good"), (glyphs.bar_unknown * unknown, "bad")]
    return line


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
        pile = [[(shorten(text, width, glyphs), "")]]
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
        lines.append([(when, "moment"), (shorten(clean(text, glyphs), width - len(when), glyphs), style)])
    return lines


def acts(fold: Fold, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """Acts done, with what was measured, what theory says, and the verdict."""
    columns = 8 if width >= 40 else 7
    name_width = max(4, width - 2 * columns - 5)
    rate_head = "measured" if columns > 7 else "rate"
    lines: list[Line] = [[(f"{'Acts':<{name_width}}{rate_head:>{columns}}{'theory':>{columns}}", "heading")]]
    for act in list(fold.acts)[-max(0, height - 1) :] if height > 1 else []:
        passed = act["verdict"] == "pass"
        lines.append(
            [
                (padded(act["name"], name_width, glyphs), ""),
                (f"{percent(act['logout_rate']):>{columns}}", ""),
                (f"{percent(act['theory_rate']):>{columns}}", "theory"),
                (f" {clean(act['verdict'], glyphs)}", "GOOD" if passed else "BAD"),
            ]
        )
    if not fold.acts:
        lines.append([("none done yet", "quiet")])
    return lines[:height]


def shares(wants: list[int], height: int, least: int = 2) -> list[int]:
    """Rows for panels one above the other that would like `wants` rows each: all of it, or a fair part of `height`."""
    rows = [min(want, least) for want in wants]
    while sum(rows) < height and any(row < want for row, want in zip(rows, wants, strict=True)):
        poorest = min((i for i in range(len(rows)) if rows[i] < wants[i]), key=lambda i: rows[i])
        rows[poorest] += 1
    return rows
