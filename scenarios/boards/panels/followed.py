"""One user's way: each click, the server it met, the wristband shown, and what that server's logbook said."""

from __future__ import annotations

from scenarios.boards.lines import Glyphs, Line, clean, phrase, shorten
from scenarios.boards.panels.lists import padded
from scenarios.boards.words import clock, counted
from scenarios.folds.fold import Fold
from scenarios.folds.following import Click

SAID = {
    "hit": ("known", "good"),
    "new": ("a new line written", "good"),
    "none": ("no wristband shown", "quiet"),
    "unknown": ("never heard of it", "bad"),
    "expired": ("too long ago", "bad"),
    "revoked": ("ended on purpose", "moment"),
    "store_error": ("logbook out of reach", "moment"),
    "": ("nothing", "quiet"),
}  # outcome -> what the logbook said, style


def wristband(hashed: str) -> str:
    """A hashed session ID, short enough to be compared by eye."""
    return hashed[:6]


def followed(fold: Fold, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """The newest clicks that fit, the newest at the bottom."""
    following = fold.following
    if following is None:
        return [[("Following nobody", "heading")]][:height]
    name = clean(following.user, glyphs)
    head: Line = [(f"Following {name} ", "heading"), (counted(following.count, "click"), "quiet")]
    if not following.clicks:
        return [head, [(phrase("has not clicked yet", width, glyphs), "quiet")]][:height]
    columns: Line = [(f"{'time':>6}  {'server':<11}{'shows':<8}{'the logbook says':<22}{'gets':<8}click", "quiet")]
    room = max(0, height - 2)
    newest = list(following.clicks)[len(following.clicks) - min(room, len(following.clicks)) :]
    return [head, columns, *(_click(fold, click, width, glyphs) for click in newest)][:height]


def _click(fold: Fold, click: Click, width: int, glyphs: Glyphs) -> Line:
    said, style = SAID.get(click.said, (click.said, "quiet"))
    line: Line = [
        (f"{clock(click.time - (fold.began or 0.0)):>6}  ", "quiet"),
        (padded(click.server or "-", 11, glyphs), ""),
        (padded(wristband(click.shown) or "-", 8, glyphs), "strong"),
        (padded(said, 22, glyphs), style),
        (padded(wristband(click.given) or "", 8, glyphs), "strong"),
    ]
    room = width - 57
    return [*line, (shorten(clean(click.what, glyphs), room, glyphs), "quiet")] if room > 3 else line


def click_line(user: str, click: Click) -> str:
    """The same in a pipe, on one line."""
    said, _ = SAID.get(click.said, (click.said, ""))
    shows = f"shows {wristband(click.shown)}" if click.shown else "shows no wristband"
    given = f", gets {wristband(click.given)}" if click.given else ""
    return f"{user}: {click.what}: {click.server or 'no server'}: {shows}: {said}{given}"
