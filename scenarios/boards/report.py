"""The end of an act, and of a run, in words and small tables; for a terminal and for a pipe."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment

from scenarios.boards.lines import STYLES, Glyphs, Line, clean, glyphs_for
from scenarios.boards.table import Cell, table, widths
from scenarios.boards.words import count, counted, interval, percent

WIDEST = 100  # columns; longer lines are hard to read


class Report:
    """A rich renderable: lines that depend on the width and on what the stream can carry."""

    def __init__(self, lines: Callable[[int, Glyphs], Iterator[Line]]) -> None:
        self.lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines(min(options.max_width, WIDEST), glyphs_for(options.encoding)):
            for text, style in line:
                yield Segment(text, STYLES[style])
            yield Segment.line()


def act_report(act: Mapping[str, Any], text: str) -> Report:
    """An act's record: what happened (`text`, two sentences), measured, interval, theory, verdict, notes, checks."""
    return Report(lambda width, glyphs: _act_lines(act, text, width, glyphs))


def summary(acts: Sequence[Mapping[str, Any]], verdict: str) -> Report:
    """All acts in one table, and the verdict of the run."""
    return Report(lambda width, glyphs: _summary_lines(acts, verdict, width, glyphs))


def _act_lines(act: Mapping[str, Any], text: str, width: int, glyphs: Glyphs) -> Iterator[Line]:
    dot = f" {glyphs.dot} "
    setting = dot.join([counted(act["servers"], "server"), f"store {act['store']}", act["policy"]])
    yield [(clean(act.get("title") or act["name"], glyphs), "heading"), (dot + clean(setting, glyphs), "quiet")]
    for part in textwrap.wrap(" ".join(clean(text, glyphs).split()), max(10, width - 2)):
        yield [(f"  {part}", "")]
    yield []
    row: list[Cell] = [
        (percent(act["logout_rate"]), "BAD" if act["logout_rate"] else "strong"),
        (interval(act.get("ci95")), ""),
        (percent(act["theory_rate"]), "theory"),
        _verdict(act["verdict"], glyphs),
    ]
    yield from table(("measured", "95 % interval", "theory", "verdict"), [row], {"verdict"}, 3)
    were = "was" if act["logged_out"] == 1 else "were"
    of = f"{count(act['logged_out'])} of {counted(act['with_session'], 'request')} with a wristband {were} logged out"
    yield [(f"  {of}", "quiet")]
    if act.get("tickets"):
        words = " ".join(f'"{text}"' for text in act["words"])
        yield from _wrapped(clean(f"{counted(act['tickets'], 'ticket')}: {words}", glyphs), width)
    for note in act.get("notes", ()):
        yield from _wrapped(clean(note, glyphs), width)
    yield from _checks(act.get("checks", ()), width, glyphs)
    yield []


def _wrapped(text: str, width: int) -> Iterator[Line]:
    for part in textwrap.wrap(text, max(10, width - 2), subsequent_indent="  "):
        yield [(f"  {part}", "")]


def _checks(checks: Sequence[Mapping[str, Any]], width: int, glyphs: Glyphs) -> Iterator[Line]:
    """The act's own, and of those that every act makes the failed ones; and how many passed."""
    for check in checks:
        if check["passed"] and check.get("every_act"):
            continue
        bound = check["expected"].replace("%", " %")
        law = f"theory {bound}" if "%" in bound and not bound.startswith("at least") else f"must be {bound}"
        shown = f"{check['name']}: measured {_measure(check)}, {law}"
        verdict, style = ("pass", "GOOD") if check["passed"] else ("fail", "BAD")
        for number, part in enumerate(textwrap.wrap(clean(shown, glyphs), max(10, width - 8))):
            yield [(f"  {verdict if number == 0 else '':<6}", style), (part, "")]
    if checks:
        passed = sum(1 for check in checks if check["passed"])
        yield [(f"  {passed} of {counted(len(checks), 'check')} passed", "quiet")]


def _measure(check: Mapping[str, Any]) -> str:
    value = check["measured"]
    if value is None:
        return "nothing"
    return percent(value) if "%" in check["expected"] else f"{value:g}"


def _verdict(verdict: str, glyphs: Glyphs) -> Cell:
    return clean(verdict, glyphs), "GOOD" if verdict == "pass" else "BAD"


def _summary_lines(acts: Sequence[Mapping[str, Any]], verdict: str, width: int, glyphs: Glyphs) -> Iterator[Line]:
    heads: tuple[str, ...] = ("act", "servers", "store", "policy", "measured", "95 % interval", "theory", "verdict")
    rows: list[list[Cell]] = [
        [
            (clean(act["name"], glyphs), "strong"),
            (str(act["servers"]), ""),
            (clean(act["store"], glyphs), ""),
            (clean(act["policy"], glyphs), ""),
            (percent(act["logout_rate"]), "bad" if act["logout_rate"] else "good"),
            (interval(act.get("ci95")), "quiet"),
            (percent(act["theory_rate"]), "theory"),
            _verdict(act["verdict"], glyphs),
        ]
        for act in acts
    ]
    # On 80 columns the policy has to go: the act's name says which it is, and its report has it in full.
    if sum(widths(heads, rows)) + len(heads) * 2 > width:
        heads = (*heads[:3], *heads[4:])
        rows = [[*row[:3], *row[4:]] for row in rows]
    yield from table(heads, rows, {"act", "store", "policy", "verdict"}, 2)
    passed = sum(act["verdict"] == "pass" for act in acts)
    shown, style = _verdict(verdict, glyphs)
    yield []
    yield [("  Verdict: ", "strong"), (shown, style), (f" ({passed} of {counted(len(acts), 'act')} passed)", "quiet")]
