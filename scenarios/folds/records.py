"""What folds keep: counts, servers, and the things that happened."""

from __future__ import annotations

from dataclasses import dataclass, field

LOGGED_OUT = frozenset({"unknown", "expired"})
"""Outcomes in which somebody sent a session ID and was answered as a stranger. `revoked` is not one: that session was
ended on purpose. `store_error` is not one: the answer was 503, nobody was told to log in."""


@dataclass(slots=True)
class Counts:
    """What the issue counts everywhere: requests, those with a session ID, those of them answered as a stranger."""

    requests: int = 0
    with_session: int = 0
    logged_out: int = 0

    @property
    def rate(self) -> float | None:
        """The logout rate, a fraction; None when no request carried a session ID."""
        return self.logged_out / self.with_session if self.with_session else None


@dataclass(slots=True)
class Server:
    """One server since the act began (since the feed began, outside an act)."""

    name: str
    health: str = "up"  # up, slow, draining, down, paused, partitioned, gone
    requests: int = 0
    known: int = 0  # wristbands found in its logbook
    unknown: int = 0  # wristbands sent and answered as a stranger
    errors: int = 0  # 5xx
    before: int = 0  # of the requests, those before the cluster last changed


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that was switched, killed, added...; `number` counts them from 0."""

    number: int
    time: float
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a user wrote to support."""

    time: float
    user: str
    text: str


@dataclass(slots=True)
class Act:
    """The act being played, and its counts so far."""

    name: str
    title: str
    text: str
    began: float
    theory: float | None
    counts: Counts = field(default_factory=Counts)
