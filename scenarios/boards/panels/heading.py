"""The top of the board: what it is the board of, and the logout rate now in large digits with the same in words."""

from __future__ import annotations

from scenarios.boards.digits import big
from scenarios.boards.lines import Glyphs, Line, clean, fit, shorten, whole, width_of
from scenarios.boards.words import big_percent, clock, count, counted, percent
from scenarios.folds.fold import Fold

DIGITS = 22  # columns of the large rate


def heading(fold: Fold, title: str, width: int, glyphs: Glyphs) -> Line:
    """Title, act and the time since the feed began."""
    time = clock(fold.now - fold.began) if fold.now is not None and fold.began is not None else ""
    act = f" {glyphs.dot} {clean(fold.act.title, glyphs)}" if fold.act else ""
    room = width - width_of(time) - 1
    left = fit([(shorten(title + act, room, glyphs), "title")], room + 1)
    return [*left, (time, "quiet")]


def rate_now(fold: Fold, width: int, glyphs: Glyphs) -> list[Line]:
    """Three lines: the rate in large digits, and beside it the facts, word by word as far as there is room."""
    rate = fold.rate_now
    style = "quiet" if rate is None else "BAD" if rate else "GOOD"
    text = big_percent(rate)
    digits = big(text, glyphs)
    signs = ["", "", " %" if rate is not None else ""]
    lines: list[Line] = []
    room = width - DIGITS
    facts: list[Line] = _facts(fold, room, glyphs) if room >= 16 else [[], [], []]
    for row, fact in zip(range(3), facts, strict=True):
        lines.append([*fit([(" " + digits[row], style), (signs[row], style)], DIGITS), *fact])
    return lines


def _facts(fold: Fold, room: int, glyphs: Glyphs) -> list[Line]:
    counts = fold.act.counts if fold.act else fold.totals
    since = "in this act" if fold.act else "in all"
    span = f"the last {fold.seconds_now:.0f} s"
    now = f"logged out, of {span}" if fold.rate_now is not None else f"no wristband seen in {span}"
    theory: list[Line] = [] if fold.theory is None else [[("   theory ", "quiet"), (percent(fold.theory), "theory")]]
    of = f": {count(counts.logged_out)} of {count(counts.with_session)}"
    return [
        whole([[(now, "")], *theory], room, glyphs),
        whole(
            [[(f"{percent(counts.rate)} {since}", "strong")], [(of, "quiet")], [(" with a wristband", "quiet")]],
            room,
            glyphs,
        ),
        whole(_setting(fold, f" {glyphs.dot} ", glyphs), room, glyphs),
    ]


def _setting(fold: Fold, dot: str, glyphs: Glyphs) -> list[Line]:
    """Store, policy and servers; before them, for it must not be left out, how much of the feed is missing."""
    servers = counted(len(fold.servers), "server") if fold.servers else ""
    named = (f"store {fold.store}" if fold.store else "", fold.policy, servers)
    shown = [clean(part, glyphs) for part in named if part]
    parts: list[Line] = [[(part if i == 0 else dot + part, "strong")] for i, part in enumerate(shown)]
    if fold.dropped:
        missed = f"{counted(fold.dropped, 'event')} missed: counts are too low{dot if parts else ''}"
        parts.insert(0, [(missed, "moment")])
    return parts
