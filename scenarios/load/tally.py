"""What locust's users have seen, added up by who answered and by what they were doing. Pure.

Locust's own statistics count requests and failures. The logout rate needs one thing more: how many requests showed a
session ID. The same terms as everywhere in the lab (scenarios/felt.py), so the same definition.
"""

from collections import Counter, defaultdict
from dataclasses import asdict
from typing import Any

from scenarios.felt import Answer, Felt

Report = dict[str, dict[str, Any]]
"""A tally as plain values, which locust's worker can send to its master."""


class Tally:
    """Counts of one process; those of workers are added to the master's with `add`."""

    def __init__(self) -> None:
        self.broken: str | None = None
        """Why none of this must be believed: see scenarios/load/ruler.py."""
        self.clear()

    def clear(self) -> None:
        self.total = Felt()
        self.servers: defaultdict[str, Felt] = defaultdict(Felt)
        """By the server that says it answered; "" when none did: the balancer itself, or nobody."""
        self.doing: defaultdict[str, Felt] = defaultdict(Felt)
        """By what the user was doing, such as "view order"."""
        self.told: Counter[str] = Counter()
        """By how the users knew whether they were recognised: see scenarios/load/eyes.py."""

    def see(self, answer: Answer, told: str, doing: str, name: str, canary: str | None) -> list[str]:
        """Count one answer to the member `name`; what was wrong with it (as Felt.see)."""
        one = Felt()
        wrong = one.see(answer, name, canary)
        self.count(one, answer.via, doing)
        self.told[told] += 1
        return wrong

    def lose(self, what: str, doing: str, via: str | None) -> None:
        """Count what a user missed after an answer that was counted already: "cart gone" or "order lost"."""
        lost = Felt(carts_gone=1) if what == "cart gone" else Felt(orders_lost=1)
        self.count(lost, via, doing)

    def count(self, one: Felt, via: str | None, doing: str) -> None:
        """Add what was felt of one answer."""
        for felt in (self.total, self.servers[via or ""], self.doing[doing]):
            felt.add(one)

    def report(self) -> Report:
        """Everything since the last report; counts anew from here."""
        report = self.copied()
        self.clear()
        return report

    def copied(self) -> Report:
        return {
            "servers": {name: asdict(felt) for name, felt in self.servers.items()},
            "doing": {name: asdict(felt) for name, felt in self.doing.items()},
            "told": dict(self.told),
        }

    def add(self, report: Report) -> None:
        """Add a report of another process."""
        for name, counts in report["servers"].items():
            self.total.add(Felt(**counts))
            self.servers[name].add(Felt(**counts))
        for name, counts in report["doing"].items():
            self.doing[name].add(Felt(**counts))
        self.told.update(report["told"])

    @property
    def rate(self) -> float | None:
        """The logout rate, a fraction; None when no request carried a session ID."""
        return self.total.logged_out / self.total.with_session if self.total.with_session else None
