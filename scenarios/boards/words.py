"""Numbers as people read them: one form for the board, the report and the plain lines."""

from __future__ import annotations

from collections.abc import Sequence


def percent(rate: float | None) -> str:
    """`90.1 %`; `-` when nothing was measured. Never `0.0 %` or `100.0 %` for something that is not."""
    if rate is None:
        return "-"
    shown = rate * 100
    if 0 < shown < 0.05:
        return "<0.1 %"
    if 99.95 <= shown < 100:
        return ">99.9 %"
    return f"{shown:.1f} %"


def big_percent(rate: float | None) -> str:
    """For the large digits: whole percents, a decimal below ten, `-` when nothing was measured."""
    if rate is None:
        return "-"
    shown = rate * 100
    if 0 < shown < 9.95:
        return f"{max(shown, 0.1):.1f}"
    return f"{min(shown, 99.4 if rate < 1 else 100):.0f}"


def interval(ends: Sequence[float] | None) -> str:
    """`88.9 to 91.2 %`; `-` when there is none."""
    return "-" if ends is None else f"{ends[0] * 100:.1f} to {ends[1] * 100:.1f} %"


def count(number: int) -> str:
    """`12,345`."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """`1 request`, `2 requests`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """`0.85 ms`, `12.3 ms`, `1.25 s`: three figures."""
    milliseconds = seconds * 1000
    if milliseconds < 9.995:
        return f"{milliseconds:.2f} ms"
    return f"{milliseconds:.1f} ms" if milliseconds < 999.5 else f"{seconds:.2f} s"


def clock(seconds: float) -> str:
    """`1:05`, `1:02:05`: time since the feed began."""
    minutes, second = divmod(int(max(0.0, seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def letter(number: int) -> str:
    """The sign of a moment, in the chart and in the list: a to z, then from a again."""
    return chr(ord("a") + number % 26)
