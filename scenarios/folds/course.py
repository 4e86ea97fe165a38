"""A whole run over time, however long it is: stretches of equal width, which double when there are too many. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from scenarios.events import Event
from scenarios.folds.durations import Durations
from scenarios.folds.records import LOGGED_OUT, Counts

MOST_SERVERS = 100  # told apart; a strange journal may name any number
OTHERS = "other servers"


@dataclass(slots=True)
class Stretch:
    """What happened in one stretch of time. `theory` (a fraction) is the law that was in force last in it."""

    counts: Counts = field(default_factory=Counts)
    tickets: int = 0
    theory: float | None = None
    durations: Durations = field(default_factory=Durations)
    servers: dict[str, Counts] = field(default_factory=dict)

    def join(self, later: Stretch) -> None:
        """Become both."""
        add(self.counts, later.counts)
        self.tickets += later.tickets
        self.theory = self.theory if later.theory is None else later.theory
        self.durations.join(later.durations)
        for name, counts in later.servers.items():
            add(self.servers.setdefault(name, Counts()), counts)


@dataclass(slots=True)
class Course:
    """Stretches of `width` seconds from the first event on; stretch n begins n * width seconds after it. Those in which
    nothing happened are not there. At most `most`: beyond that, neighbours are joined and the width doubles."""

    width: float = 0.25
    most: int = 240
    began: float | None = None  # Unix time, seconds
    stretches: dict[int, Stretch] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def at(self, time: float) -> Stretch:
        """The stretch of this moment (Unix, seconds); what is older than the first event counts as the first."""
        if self.began is None:
            self.began = time
        number = max(0.0, (time - self.began) // self.width)
        while number >= self.most:
            self._double()
            number //= 2
        return self.stretches.setdefault(int(number), Stretch())

    def request(self, event: Event, theory: float | None) -> None:
        """Count a request, while this law is in force."""
        here = self.at(event["time"])
        here.counts.requests += 1
        here.theory = theory
        if event.get("duration") is not None:
            here.durations.add(event["duration"])
        there = here.servers.setdefault(self._known(event["server"]), Counts()) if event.get("server") else Counts()
        there.requests += 1
        if not event.get("sent") or not event.get("outcome"):
            return
        out = event["outcome"] in LOGGED_OUT
        for counts in (here.counts, there):
            counts.with_session += 1
            counts.logged_out += out

    def smooth(self, requests: int = 40, fewest: int = 24) -> None:
        """Widen the stretches until they hold so many requests on average, or few are left: of three requests a rate
        says nothing."""
        while self.stretches and max(self.stretches) + 1 >= 2 * fewest:
            if sum(stretch.counts.requests for stretch in self.stretches.values()) >= requests * len(self.stretches):
                return
            self._double()

    def servers(self) -> dict[str, Counts]:
        """Over the whole run, in the order they were first met."""
        found: dict[str, Counts] = {}
        for _, stretch in sorted(self.stretches.items()):
            for name, counts in stretch.servers.items():
                add(found.setdefault(name, Counts()), counts)
        return found

    def _known(self, name: str) -> str:
        if name in self.names:
            return name
        if len(self.names) >= MOST_SERVERS:
            return OTHERS
        self.names.add(name)
        return name

    def _double(self) -> None:
        joined: dict[int, Stretch] = {}
        for number, stretch in sorted(self.stretches.items()):
            if number // 2 in joined:
                joined[number // 2].join(stretch)
            else:
                joined[number // 2] = stretch
        self.stretches = joined
        self.width *= 2


def add(counts: Counts, more: Counts) -> None:
    counts.requests += more.requests
    counts.with_session += more.with_session
    counts.logged_out += more.logged_out
