"""Who is known where: users x servers, each cell what that server's logbook said to that user last."""

from __future__ import annotations

from scenarios.boards.lines import Glyphs, Line, Span, phrase, whole
from scenarios.boards.panels.lists import padded, window
from scenarios.boards.words import counted
from scenarios.folds.fold import Fold
from scenarios.folds.matrix import Row
from scenarios.folds.records import LOGGED_OUT

NAME = 8  # columns of a user's name
GAP = 3  # between blocks of users


def known(fold: Fold, width: int, height: int, glyphs: Glyphs, chosen: str | None = None) -> list[Line]:
    """As many blocks of users beside each other as fit; the column of the chosen server is marked."""
    rows = fold.matrix.rows
    if not rows or not fold.servers:
        quiet = phrase("no user of a known name has shown a wristband yet", width, glyphs)
        return [[("Who is known where", "heading")], [(quiet, "quiet")]][:height]
    labels = {name: name.rpartition("-")[2][-3:] for name in fold.servers}
    cell = max(2, *map(len, labels.values())) + 1
    first, fit = window(list(labels), chosen, max(1, (width - NAME) // cell))
    shown = list(labels)[first : first + fit]
    block = NAME + cell * len(shown)
    blocks = max(1, (width + GAP) // (block + GAP))
    room = max(0, height - 2)
    users = sorted(rows)
    if len(users) > room * blocks:
        room = max(0, room - 1)
    head: Line = [("Known at".ljust(NAME), "heading")]
    head += [(f"{labels[name]:>{cell}}", "chosen" if name == chosen else "heading") for name in shown]
    lines = _beside(head, users[: room * blocks], room, shown, cell, rows, glyphs)
    lines += [_more(fold, len(users) - room * blocks, len(labels) - len(shown), width, glyphs)]
    return [*lines[: max(0, height - 1)], _legend(width, glyphs)][:height]


def _beside(
    head: Line, users: list[str], room: int, servers: list[str], cell: int, rows: dict[str, Row], glyphs: Glyphs
) -> list[Line]:
    """Blocks of `room` users each, every one under the same head."""
    lines: list[Line] = [[] for _ in range(min(room, len(users)) + 1)]
    for begin in range(0, len(users), max(1, room)):
        block = [head, *(_user(name, rows[name], servers, cell, glyphs) for name in users[begin : begin + room])]
        for line, part in zip(lines, block, strict=False):
            line += [*([(" " * GAP, "")] if begin else []), *part]
    return lines


def _user(name: str, row: Row, servers: list[str], cell: int, glyphs: Glyphs) -> Line:
    return [(padded(name, NAME, glyphs), ""), *(_cell(row, server, cell, glyphs) for server in servers)]


def _cell(row: Row, server: str, cell: int, glyphs: Glyphs) -> Span:
    visit = row.visits.get(server)
    if visit is None:
        return " " * cell, ""
    known, stranger, was_known, was_stranger = glyphs.known
    now = visit.wristband == row.wristband
    if visit.outcome in LOGGED_OUT:
        sign, style = (stranger, "bad") if now else (was_stranger, "quiet")
    elif visit.outcome in ("hit", "new"):
        sign, style = (known, "good") if now else (was_known, "quiet")
    else:
        sign, style = "-", "quiet"
    return sign.rjust(cell), style


def _more(fold: Fold, users: int, servers: int, width: int, glyphs: Glyphs) -> Line:
    """What there is no room for."""
    said = []
    if (users := max(0, users) + fold.matrix.forgotten) > 0:
        said.append(counted(users, "more user"))
    if servers > 0:
        said.append(counted(servers, "more server"))
    return [(phrase(f"{glyphs.ellipsis} and {', '.join(said)}" if said else "", width, glyphs), "quiet")]


def _legend(width: int, glyphs: Glyphs) -> Line:
    known, stranger, was_known, was_stranger = glyphs.known
    parts: list[Line] = [
        [(known, "good"), (" known", "quiet")],
        [("  ", ""), (stranger, "bad"), (" stranger", "quiet")],
        [(f"  {was_known} {was_stranger} earlier", "quiet")],
        [(" wristband", "quiet")],
    ]
    return whole(parts, width, glyphs)
