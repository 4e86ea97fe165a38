"""How long sessions last: from the first sight of a session until it is answered as a stranger. Pure.

The Kaplan-Meier estimate (E. L. Kaplan and P. Meier, "Nonparametric estimation from incomplete observations", J. Amer.
Statist. Assoc. 53 (1958) 457-481): a session that ends on purpose, or is not seen any more, or is still known when the
act ends, is censored when it was last known; it tells that sessions can last so long, and nothing about afterwards.

Memory is constant. Lifetimes go into bins 5 % wide. When too many sessions are open at once, half of them are let go
by their (hashed) IDs, and each of the others counts for two from then on: an unbiased sample (P. Gibbons and
S. Tirthapura, "Estimating simple functions on the union of data streams", SPAA 2001).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from zlib import crc32

from scenarios.events import Event
from scenarios.folds.records import LOGGED_OUT

MOST_OPEN = 10_000
MOST_STRATA = 100  # acts
SHORTEST = 0.001  # seconds; what is shorter counts as this
STEP = math.log(1.05)
HEAVIEST = 0.1


@dataclass(frozen=True, slots=True)
class Point:
    """The share of sessions that last longer than `seconds`."""

    seconds: float
    share: float


@dataclass(slots=True)
class Lifetimes:
    """Sessions that were lost, and that were last seen alive, by the bin of their lifetime; each with its weight."""

    lost: dict[int, int] = field(default_factory=dict)
    censored: dict[int, int] = field(default_factory=dict)

    @property
    def sessions(self) -> int:
        return sum(self.lost.values()) + sum(self.censored.values())

    def curve(self, heaviest: float = HEAVIEST) -> list[Point]:
        """The estimate: its beginning, a point wherever it falls, and its end. Of equal lifetimes losses come first.

        It ends early where so few sessions are left that each of them would move it by more than `heaviest`: what a
        curve does with its last two or three says nothing (S. Pocock et al., Lancet 359 (2002) 1686-1689)."""
        left, share, points, seconds = self.sessions, 1.0, [Point(SHORTEST, 1.0)], SHORTEST
        for number in sorted(self.lost.keys() | self.censored.keys()):
            if share / left > heaviest:
                break
            seconds = _middle(number)
            if lost := self.lost.get(number, 0):
                share *= 1 - lost / left
                points.append(Point(seconds, share))
            left -= lost + self.censored.get(number, 0)
        return [*points, Point(seconds, share)]

    def median(self) -> float | None:
        """Seconds after which half of the sessions are lost; None when more than half outlast what could be seen."""
        return next((point.seconds for point in self.curve() if point.share <= 0.5), None)


class Survival:
    """Follows every session from the answer that issued it. Each act is a stratum of its own: at its end all lifetimes
    are censored, and begin anew with the next act, because what a session can expect then is something else."""

    def __init__(self, most_open: int = MOST_OPEN) -> None:
        self.strata: dict[str, Lifetimes] = {"": Lifetimes()}  # by act; "" is outside any
        self.kept = 1  # one in so many sessions is followed
        self._most = most_open
        self._open: dict[str, tuple[float, float]] = {}  # session -> since when it is watched, when it was last known
        self._now = self.strata[""]

    def act(self, name: str, time: float) -> None:
        """From `time` (Unix, seconds) on another act is on; "" for none."""
        self._censor_all(time)
        if name not in self.strata and len(self.strata) < MOST_STRATA:
            self.strata[name] = Lifetimes()
        self._now = self.strata.get(name, Lifetimes())

    def request(self, event: Event) -> None:
        """Take a request."""
        time, sent, outcome = event["time"], event.get("sent"), event.get("outcome")
        if sent and sent in self._open:
            since, last = self._open[sent]
            if outcome in LOGGED_OUT:
                self._count(self._now.lost, time - since)
                del self._open[sent]
            elif outcome == "revoked":  # on purpose: a logout, or a new ID at login
                self._censor(since, last)
                del self._open[sent]
            elif outcome == "hit":
                self._open[sent] = (since, time)
        issued = event.get("received")
        if issued and issued != sent and issued not in self._open and self._followed(issued):
            self._open[issued] = (time, time)
            while len(self._open) > self._most:
                self._halve()

    def finish(self) -> None:
        """The run is over: what is still open is censored."""
        self._censor_all(0.0)
        self._open.clear()

    def _censor_all(self, time: float) -> None:
        for session, (since, last) in self._open.items():
            self._censor(since, last)
            self._open[session] = (time, time)

    def _censor(self, since: float, last: float) -> None:
        if last > since:  # one that was never seen again tells nothing
            self._count(self._now.censored, last - since)

    def _count(self, bins: dict[int, int], seconds: float) -> None:
        number = _bin(seconds)
        bins[number] = bins.get(number, 0) + self.kept

    def _followed(self, session: str) -> bool:
        return self.kept == 1 or crc32(session.encode()) % self.kept == 0

    def _halve(self) -> None:
        self.kept *= 2
        self._open = {session: times for session, times in self._open.items() if self._followed(session)}


def _bin(seconds: float) -> int:
    return int(math.log(max(seconds, SHORTEST) / SHORTEST) / STEP)


def _middle(number: int) -> float:
    return SHORTEST * math.exp((number + 0.5) * STEP)
