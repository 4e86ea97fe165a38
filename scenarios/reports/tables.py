"""The numbers of a report as rows of text: what the page's tables show. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scenarios.boards.words import clock, count, counted, interval, letter, percent
from scenarios.folds.chapters import Chapter
from scenarios.folds.durations import Durations
from scenarios.reports.numbers import Numbers

MOST_WORDS = 10


@dataclass(frozen=True)
class Check:
    name: str
    measured: str
    expected: str
    passed: bool


@dataclass(frozen=True)
class Act:
    """A row of the table of verdicts, and the section it leads to."""

    number: int
    name: str
    text: str
    setting: str
    measured: str
    interval: str
    theory: str
    verdict: str  # pass, fail, or unfinished
    counted: str
    notes: list[str]
    words: list[str]
    tickets: int
    checks: list[Check]


def acts(numbers: Numbers) -> list[Act]:
    return [_act(number, chapter) for number, chapter in enumerate(numbers.chapters.acts, 1)]


def _act(number: int, chapter: Chapter) -> Act:
    record: Mapping[str, Any] = chapter.record or {}
    setting = [counted(record["servers"], "server"), f"store {record['store']}", record["policy"]] if record else []
    return Act(
        number,
        chapter.title,
        " ".join(chapter.text.split()),
        " · ".join(setting),
        percent(record.get("logout_rate")),
        interval(record.get("ci95")),
        percent(record.get("theory_rate")),
        record.get("verdict", "unfinished"),
        f"{count(record['logged_out'])} of {count(record['with_session'])}" if record else "",
        list(record.get("notes", ())),
        list(record.get("words", ())),
        record.get("tickets", 0),
        [_check(check) for check in record.get("checks", ())],
    )


def _check(check: Mapping[str, Any]) -> Check:
    """`measured` is as scenarios.checks has it: a share where the law is one, None when nothing was."""
    measured, expected = check["measured"], check["expected"]
    if measured is None:
        return Check(check["name"], "nothing", expected, check["passed"])
    shown = percent(measured) if "%" in expected else f"{measured:g}"
    return Check(check["name"], shown, expected.replace("%", " %"), check["passed"])


def verdict(numbers: Numbers) -> str:
    """The whole run in one sentence."""
    made = [chapter for chapter in numbers.chapters.acts if chapter.record]
    passed = sum(chapter.record["verdict"] == "pass" for chapter in made if chapter.record)
    if not made:
        return "No act was finished, so there is no verdict."
    if passed == len(made) == numbers.chapters.count:
        return f"All {counted(len(made), 'act')} passed." if passed > 1 else "The act passed."
    return f"{passed} of {counted(numbers.chapters.count, 'act')} passed."


def facts(numbers: Numbers) -> list[tuple[str, str]]:
    """What was run, with what, and how long."""
    head = numbers.header
    settings = head.get("settings") or {}
    totals = numbers.fold.totals
    found = [
        ("Recorded", _date(head.get("started"))),
        ("Took", f"{numbers.seconds:.1f} s" if numbers.seconds < 60 else clock(numbers.seconds)),
        ("Requests", f"{count(totals.requests)}, {count(totals.with_session)} with a session ID"),
        ("Logged out", f"{count(totals.logged_out)} ({percent(totals.rate)})"),
        ("Tickets", count(numbers.fold.ticket_count)),
        ("Seed", head.get("seed")),
        *((key.capitalize().replace("_", " "), value) for key, value in settings.items() if key != "scenario"),
        ("Session Lab", head.get("session_lab")),
        ("Python", head.get("python")),
        ("Platform", head.get("platform")),
    ]
    return [(name, str(value)) for name, value in found if value is not None]


def _date(started: Any) -> str | None:
    """In UTC, so that the page is the same wherever it is made."""
    if not isinstance(started, int | float) or not 0 <= started < 253_402_300_800 or not math.isfinite(started):
        return None
    return datetime.fromtimestamp(started, UTC).strftime("%d %B %Y, %H:%M UTC")


def moments(numbers: Numbers) -> list[tuple[str, str, str]]:
    """Letter, time, what: everything that was switched, killed, added, and the acts between."""
    return [
        ("" if moment.what == "act" else letter(moment.number), clock(numbers.since_began(moment.time)),
         f"{moment.what.replace('_', ' ')} {moment.detail}".strip())
        for moment in numbers.fold.moments
    ]  # fmt: skip


def durations(durations: Durations) -> list[str]:
    """Requests, median, 95 %, 99 %."""
    parts = (durations.percentile(part) or 0.0 for part in (0.5, 0.95, 0.99))
    return [count(durations.total), *(f"{seconds * 1000:.1f} ms" for seconds in parts)]


def words(numbers: Numbers) -> list[tuple[str, str]]:
    return [(text, count(times)) for text, times in numbers.words.most_common(MOST_WORDS)]
