"""The logbooks themselves, side by side: each server's own, or the shared one once, with who is written in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scenarios.boards.lines import Glyphs, Line, beside, clean, fit, phrase
from scenarios.boards.panels.followed import wristband
from scenarios.boards.panels.lists import padded, window
from scenarios.boards.words import clock, count, counted

Book = Mapping[str, Any]
"""{name, store, servers, sessions, entries: [{id, hash, user, age, idle}], trouble}, as `Cluster.logbooks` has it."""

ENTRY = 38  # columns: id 11, hash 7, user 8, age 6, idle 6
GAP = 2


def logbooks(books: Sequence[Book], width: int, height: int, glyphs: Glyphs, chosen: str | None = None) -> list[Line]:
    """As many as fit, each a fair part of the room; those that do not are counted in the last line."""
    if not books:
        return [[("Logbooks", "heading")], [(phrase("not read yet", width, glyphs), "quiet")]][:height]
    across = max(1, min(len(books), (width + GAP) // (ENTRY + GAP)))
    down = max(1, min(-(-len(books) // across), height // 4))
    fits = across * down
    rest = len(books) > fits
    first, shown = window([book["name"] for book in books], chosen, fits) if rest else (0, len(books))
    shown = fits if rest else shown
    block, room = (width + GAP) // across - GAP, (height - rest) // down
    lines: list[Line] = []
    for begin in range(first, min(first + shown, len(books)), across):
        row = books[begin : min(begin + across, first + shown)]
        lines += beside([(_book(book, block, room, chosen, glyphs), block) for book in row], room, GAP)
    if rest:
        more = f"{glyphs.ellipsis} and {counted(len(books) - shown, 'more logbook')}"
        lines.append([(phrase(more, width, glyphs), "quiet")])
    return lines[:height]


def height_for(books: Sequence[Book], width: int) -> int:
    """Lines in which `logbooks` shows every entry it is given."""
    across = max(1, min(len(books), (width + GAP) // (ENTRY + GAP)))
    columns = max(1, ((width + GAP) // across) // (ENTRY + GAP))
    longest = max((-(-len(book["entries"]) // columns) for book in books), default=0)
    return -(-len(books) // across) * max(4, longest + 2)


def _book(book: Book, width: int, height: int, chosen: str | None, glyphs: Glyphs) -> list[Line]:
    """Its name, how much is in it, and the entries seen last; in columns when it is wide."""
    name, trouble = clean(str(book["name"]), glyphs), book["trouble"]
    sessions = "" if book["sessions"] is None else f" {count(book['sessions'])}"
    head: Line = [(name, "chosen" if book["name"] == chosen else "heading"), (sessions, "quiet")]
    if trouble or not book["entries"]:
        said = clean(str(trouble), glyphs) if trouble else "nobody is written in it"
        return [head, [(phrase(said, width, glyphs), "moment" if trouble else "quiet")]]
    room = max(1, height - 2)
    columns = max(1, (width + GAP) // (ENTRY + GAP))
    entries = list(book["entries"])[: columns * room]
    blocks = []
    for begin in range(0, len(entries), room):
        part = [_entry(entry, glyphs) for entry in entries[begin : begin + room]]
        title = [*fit([] if begin else head, ENTRY - 12), (f"{'age':>6}{'idle':>6}", "quiet")]
        blocks.append(([title, *part], ENTRY))
    return beside(blocks, room + 1, GAP)


def _entry(entry: Mapping[str, Any], glyphs: Glyphs) -> Line:
    """The hash is what the feed calls this session, as in a user's clicks and in `lab watch | grep`."""
    user = entry["user"]
    return [
        (padded(str(entry["id"]), 11, glyphs), "strong"),
        (padded(wristband(str(entry["hash"])), 7, glyphs), "quiet"),
        (padded(str(user or "-"), 8, glyphs), "" if user else "quiet"),
        (f"{clock(entry['age']):>6}{clock(entry['idle']):>6}", "quiet"),
    ]
