"""What is counted of requests, per backend and for the balancer's own answers. Pure."""

from dataclasses import dataclass, field
from typing import Any

from balancer.http1 import OUTCOMES

STRANGER = frozenset({"unknown", "expired"})
"""Outcomes that make a logout: an ID was sent, and answered as if by a stranger. `revoked` was ended on purpose."""


@dataclass(slots=True)
class Counts:
    """What is counted, per backend and for the balancer's own answers. Plain ints, one per kind of answer: this happens
    at every request, and what they add up to is asked for rarely."""

    answers: dict[tuple[int, str | None, bool], int] = field(default_factory=dict)
    """By status, outcome of the session's look-up (None: there was none, as for a stylesheet), and whether an ID was
    sent."""
    errors: int = 0
    retried: int = 0
    moved: dict[str, int] = field(default_factory=dict)

    def answered(
        self, status: int, outcome: str | None = None, carried: bool = False, moved: str | None = None
    ) -> None:
        answers, kind = self.answers, (status, outcome, carried)
        answers[kind] = answers.get(kind, 0) + 1
        if moved is not None:
            self.moved[moved] = self.moved.get(moved, 0) + 1

    @property
    def requests(self) -> int:
        return sum(self.answers.values())

    def add(self, other: "Counts") -> None:
        self.errors += other.errors
        self.retried += other.retried
        for kind, count in other.answers.items():
            self.answers[kind] = self.answers.get(kind, 0) + count
        for why, count in other.moved.items():
            self.moved[why] = self.moved.get(why, 0) + count

    def record(self) -> dict[str, Any]:
        outcomes, statuses = dict.fromkeys(OUTCOMES, 0), dict.fromkeys((f"{digit}xx" for digit in range(6)), 0)
        with_session = logged_out = 0
        for (status, outcome, carried), count in self.answers.items():
            statuses[f"{status // 100}xx"] += count
            if outcome is not None:
                outcomes[outcome] += count
                with_session += count * carried
                logged_out += count * (carried and outcome in STRANGER)
        return {
            "requests": self.requests,
            "with_session": with_session,
            "logged_out": logged_out,
            "outcomes": {name: count for name, count in outcomes.items() if count},
            "statuses": {digits: count for digits, count in statuses.items() if count},
            "errors": self.errors,
            "retried": self.retried,
            "moved": dict(self.moved),
        }
