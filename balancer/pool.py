"""The servers seen from the balancer: their health, what they are doing, and who may be picked. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Counts:
    """What the balancer counts, for each backend and in total; plain ints, because this happens at every request."""

    requests: int = 0
    with_session: int = 0
    logged_out: int = 0
    errors: int = 0
    retried: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)

    def add(self, more: "Counts") -> None:
        self.requests += more.requests
        self.with_session += more.with_session
        self.logged_out += more.logged_out
        self.errors += more.errors
        self.retried += more.retried
        for mine, theirs in (
            (self.outcomes, more.outcomes), (self.statuses, more.statuses), (self.moved, more.moved)
        ):  # fmt: skip
            for key, count in theirs.items():
                mine[key] = mine.get(key, 0) + count

    def record(self) -> dict[str, Any]:
        return {
            "requests": self.requests, "with_session": self.with_session, "logged_out": self.logged_out,
            "outcomes": dict(self.outcomes), "statuses": dict(self.statuses), "errors": self.errors,
            "retried": self.retried, "moved": dict(self.moved),
        }  # fmt: skip


@dataclass(eq=False, slots=True)
class Backend:
    """One server. `healthy` is what checks say; `draining` servers finish what they have and get no new users."""

    name: str
    host: str
    port: int
    weight: int = 1
    healthy: bool = True
    draining: bool = False
    in_flight: int = 0
    failures: int = 0
    """Failures in a row, of requests (passive) or checks (active)."""
    passes: int = 0
    counts: Counts = field(default_factory=Counts)

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Pool:
    """All backends, and who is available. Changes are rare and requests many, so the answer is kept ready."""

    def __init__(self, backends: Iterable[Backend] = ()) -> None:
        self.backends = list(backends)
        self.former: list[Backend] = []
        """Those that were removed: what they did still counts."""
        self.own = Counts()
        """Requests that no backend answered."""
        self.available: tuple[Backend, ...] = ()
        """Healthy and not draining: who may get anybody's request."""
        self.reachable: tuple[Backend, ...] = ()
        """Healthy: who may still get the requests of users who belong there."""
        self.changed()

    def __repr__(self) -> str:
        return f"Pool({', '.join(b.name + ('' if b.healthy else ' down') for b in self.backends)})"

    def changed(self) -> None:
        self.reachable = tuple(b for b in self.backends if b.healthy)
        self.available = tuple(b for b in self.reachable if not b.draining)

    def find(self, name: str) -> Backend | None:
        return next((b for b in self.backends if name in (b.name, b.address)), None)

    def add(self, backend: Backend) -> None:
        self.backends.append(backend)
        self.changed()

    def remove(self, backend: Backend) -> None:
        self.backends.remove(backend)
        self.former.append(backend)
        self.changed()

    def totals(self) -> Counts:
        """Everything counted since the start. Summed when asked for, because nothing is asked as rarely."""
        totals = Counts()
        for counts in (self.own, *(backend.counts for backend in (*self.former, *self.backends))):
            totals.add(counts)
        return totals
