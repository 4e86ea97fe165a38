"""One act of a scenario: what was counted while it ran, what it must show, and its record."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from scenarios.checks import Check, verdict
from scenarios.cluster.base import Cluster
from scenarios.crowd import Crowd
from scenarios.felt import Felt
from scenarios.intervals import wilson

COUNTED = ("requests", "with_session", "logged_out")
"""What the balancer and the users both count, each at their own end."""


@dataclass
class Act:
    """One act: what the balancer counted and what the users felt in its measured part, and the checks it must pass."""

    name: str
    text: str
    law: float
    servers: int
    store: str
    policy: str
    cluster: Cluster
    crowd: Crowd
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    felt: Felt = field(default_factory=Felt)
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)
    """What users wrote to support, in their words."""

    async def shop(self, requests: int) -> Felt:
        """Let the users make `requests` requests, and add them to this act's numbers."""
        async with self.counted():
            felt = await self.crowd.shop(requests)
        self.felt.add(felt)
        return felt

    @asynccontextmanager
    async def counted(self) -> AsyncIterator[None]:
        """Add what the balancer counts during the block to this act's numbers."""
        before = await self.cluster.counters()
        yield
        after = await self.cluster.counters()
        for key in COUNTED:
            self.counts[key] += after[key] - before[key]

    def judge(self, *found: Check) -> None:
        """Add checks; the act passes when all of them do."""
        self.checks += found

    def note(self, line: str) -> None:
        """A measured fact worth a line in the report, without a verdict of its own."""
        self.notes.append(line)

    def record(self) -> dict[str, Any]:
        """The act as `--json`, the journal and the report show it."""
        hits, of = self.counts["logged_out"], self.counts["with_session"]
        return {
            "name": self.name, "servers": self.servers, "store": self.store, "policy": self.policy, **self.counts,
            "logout_rate": round(hits / of, 4) if of else None,
            "ci95": [round(bound, 4) for bound in wilson(hits, of)] if of else None,
            "theory_rate": round(self.law, 4),
            "verdict": verdict(self.checks),
            "checks": [check.record() for check in self.checks],
            "felt": asdict(self.felt),
            "notes": self.notes,
            "tickets": len(self.tickets),
            "words": list(dict.fromkeys(self.tickets))[:3],
        }  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """What a request cost: CPU microseconds of the server processes, and latency in milliseconds (median, 95th)."""

    cpu_us: float
    p50_ms: float
    p95_ms: float

    def __str__(self) -> str:
        return f"{self.cpu_us:>4.0f} us of server CPU a request, latency {self.p50_ms:.1f} ms (p95 {self.p95_ms:.1f})"
