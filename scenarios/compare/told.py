"""A comparison in words and a table."""

from collections.abc import Iterator, Sequence

from scenarios.boards.lines import Glyphs, Line, clean
from scenarios.boards.report import Report
from scenarios.boards.table import Cell, table
from scenarios.boards.words import percent
from scenarios.compare.differences import CLEAR, ActChange, PercentileChange, RateChange, compare, different
from scenarios.compare.runs import Side

HEADS = ("", "A", "B", "B - A, 95 % interval", "p", "")
FOOT = (
    f"  differs: p < {CLEAR:g} by Fisher's exact test; percentiles: 95 % intervals apart.",
    "  Requests count as independent, which those of one user are not quite; and",
    "  latencies also differ with whatever else the machine was doing.",
)


def report(first: Side, second: Side) -> Report:
    return Report(lambda width, glyphs: _lines(first, second, glyphs))


def _lines(first: Side, second: Side, glyphs: Glyphs) -> Iterator[Line]:
    yield [("  A  ", "strong"), (clean(first.name, glyphs), "")]
    yield [("  B  ", "strong"), (clean(second.name, glyphs), "")]
    for key, (one, two) in different(first.about, second.about).items():
        yield [(clean(f"     {key}: {one} in A, {two} in B", glyphs), "quiet")]
    yield []
    changes = list(compare(first, second))
    yield from table(HEADS, [row for change in changes for row in _rows(change, glyphs)], {""}, 2)
    yield []
    for change in changes:
        for key, (one, two) in change.settings.items():
            yield [(clean(f"  {change.name}: {key} is {one} in A, {two} in B", glyphs), "")]
        if change.verdicts[0] != change.verdicts[1]:
            verdicts = f"  {change.name}: the verdict is {change.verdicts[0]} in A, {change.verdicts[1]} in B"
            yield [(clean(verdicts, glyphs), "strong")]
    for here, there, name in ((first, second, "A"), (second, first, "B")):
        for alone in [act for act in here.acts if act not in there.acts]:
            yield [(clean(f"  {alone}: only in {name}", glyphs), "")]
    for line in FOOT:
        yield [(line, "quiet")]


def _rows(change: ActChange, glyphs: Glyphs) -> Iterator[list[Cell]]:
    name = (clean(change.name, glyphs), "strong")
    if change.rate is None:
        yield [name, ("-", ""), ("-", ""), ("no wristbands to compare", "quiet"), ("", ""), ("", "")]
    else:
        yield [name, *_rate(change.rate)]
    for percentile in change.percentiles:
        yield [(f"  p{percentile.part * 100:.0f}", "quiet"), *_percentile(percentile)]


def _rate(rate: RateChange) -> Sequence[Cell]:
    ends = f"{rate.difference * 100:+.1f} ({rate.low * 100:+.1f} to {rate.high * 100:+.1f})"
    return [(percent(rate.first), ""), (percent(rate.second), ""), (ends, ""), (_p(rate.p), ""), _said(rate.clear)]


def _percentile(change: PercentileChange) -> Sequence[Cell]:
    share = f"{(change.second / change.first - 1) * 100:+.0f} %"
    return [(_ms(change.first), ""), (_ms(change.second), ""), (share, ""), ("", ""), _said(change.clear)]


def _said(clear: bool) -> Cell:
    return ("differs" if clear else "", "moment")


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= CLEAR else f"<{CLEAR:g}"
