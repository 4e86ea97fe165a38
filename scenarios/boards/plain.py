"""The board where there is no terminal: a line per second of the feed, and a line per thing that happens."""

from __future__ import annotations

from collections.abc import Iterator

from scenarios.boards.lines import UNICODE, Glyphs, clean
from scenarios.boards.panels.followed import click_line
from scenarios.boards.words import clock, count, counted, interval, percent
from scenarios.events import Event
from scenarios.folds.fold import Fold
from scenarios.folds.records import Counts


class PlainLines:
    """Folds events and says what is worth a line. Time is the events' own, so a replay says the same."""

    def __init__(self, fold: Fold, glyphs: Glyphs = UNICODE) -> None:
        self.fold = fold
        self.glyphs = glyphs
        self._told = (0, 0)  # requests and tickets when the last line was said
        self._moments = fold.moment_count
        self._clicks = fold.following.count if fold.following else 0
        self._second = 0

    def feed(self, event: Event) -> list[str]:
        """Fold one event; the lines to print, without control codes."""
        fold = self.fold
        said = list(self._second_over(event))
        fold.feed(event)
        if event["kind"] == "begin":
            said.append(self._as_it_stands())
        elif event["kind"] == "act":
            said.append(self._act_begins(event))
        elif event["kind"] == "act_end":
            said.append(self._line(f"act {act_line(event['act'])}"))
        elif event["kind"] == "dropped":
            said.append(self._line(f"{counted(event['count'], 'event')} missed: counts are too low"))
        elif fold.moment_count > self._moments:
            moment = fold.moments[-1]
            said.append(self._line(f"{moment.what.replace('_', ' ')} {moment.detail}"))
        elif fold.following is not None and fold.following.count > self._clicks:
            self._clicks = fold.following.count
            said.append(self._line(click_line(fold.following.user, fold.following.clicks[-1])))
        self._moments = fold.moment_count
        return said

    def _second_over(self, event: Event) -> Iterator[str]:
        """The line of the second that this event ends, if anything was asked or complained of in it."""
        time = event.get("time")
        if time is None or self.fold.began is None:
            return
        second = int(time - self.fold.began)
        if second <= self._second:
            return
        self._second = second
        told = (self.fold.totals.requests, self.fold.ticket_count)
        if told != self._told:
            self._told = told
            now = f"{percent(self.fold.rate_now)} logged out of the last {self.fold.seconds_now:.0f} s"
            yield self._line(f"{now}; {totals_line(self.fold.totals)}; {counted(self.fold.ticket_count, 'ticket')}")

    def _as_it_stands(self) -> str:
        fold = self.fold
        self._told = (fold.totals.requests, fold.ticket_count)
        setting = (
            f"{counted(len(fold.servers), 'server')}, store {fold.store}, {fold.policy}, theory {percent(fold.theory)}"
        )
        return self._line(f"as it stands: {setting}; {totals_line(fold.totals)}")

    def _act_begins(self, event: Event) -> str:
        setting = [f"store {self.fold.store}" if self.fold.store else "", self.fold.policy]
        theory = "" if event.get("theory_rate") is None else f"theory {percent(event['theory_rate'])}"
        facts = ", ".join(part for part in (*setting, theory) if part)
        return self._line(f"act {event['name']} begins: {facts}")

    def _line(self, text: str) -> str:
        time = (self.fold.now or 0.0) - (self.fold.began or 0.0)
        return clean(f"{clock(time):>6}  {text.strip()}", self.glyphs)


def act_line(act: Event) -> str:
    """The result of an act on one line."""
    measured = f"{percent(act['logout_rate'])} logged out (95 % interval {interval(act.get('ci95'))})"
    of = f"{count(act['logged_out'])} of {count(act['with_session'])} with a wristband"
    return f"{act['name']}: {act['verdict']}: {measured}, theory {percent(act['theory_rate'])}; {of}"


def totals_line(counts: Counts) -> str:
    """What the issue counts everywhere, on one line."""
    requests = counted(counts.requests, "request")
    return f"{requests}, {count(counts.with_session)} with a wristband, {count(counts.logged_out)} logged out"


def closing_lines(fold: Fold, glyphs: Glyphs = UNICODE) -> list[str]:
    """The final numbers, said when a feed ends: live and replayed the same."""
    rate = f" ({percent(fold.totals.rate)})" if fold.totals.rate is not None else ""
    lines = [f"In all: {totals_line(fold.totals)}{rate}; {counted(fold.ticket_count, 'ticket')}."]
    if fold.dropped:
        lines.append(f"{counted(fold.dropped, 'event')} missed: these counts are too low.")
    return [clean(line, glyphs) for line in lines]
