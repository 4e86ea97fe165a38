"""The cells of a sweep: which settings are asked for. Pure."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from scenarios.errors import LabError

STRICT = frozenset({"round_robin"})
"""Policies that fall into step with users who are fewer than twice the servers (theory.lockstep_round_robin)."""


@dataclass(frozen=True)
class Cell:
    """One setting of the cluster."""

    servers: int
    store: str
    policy: str
    on_unknown: str

    def __str__(self) -> str:
        servers = "1 server" if self.servers == 1 else f"{self.servers} servers"
        return f"{servers}, store {self.store}, policy {self.policy}, on unknown {self.on_unknown}"


@dataclass(frozen=True)
class Grid:
    """All combinations of these, each shopped in with `requests` requests of `users` users."""

    servers: tuple[int, ...]
    stores: tuple[str, ...]
    policies: tuple[str, ...]
    on_unknown: tuple[str, ...]
    requests: int
    users: int
    seed: int
    cluster: str = "processes"
    """One of CLUSTERS."""

    def __post_init__(self) -> None:
        """Raises LabError for a grid whose figures would mean nothing."""
        most = max(self.servers)
        if most > self.users // 2 and STRICT & set(self.policies):
            raise LabError(
                f"round_robin over {most} servers needs {2 * most} users or more, or strict turns fall into step with "
                f"them: take fewer --servers, more --users, or --policy random"
            )

    def cells(self) -> Iterator[Cell]:
        """In an order in which little of the cluster changes from one to the next."""
        for on_unknown in self.on_unknown:
            for store in self.stores:
                for policy in self.policies:
                    for servers in self.servers:
                        yield Cell(servers, store, policy, on_unknown)

    def record(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def numbers(text: str, highest: int) -> tuple[int, ...]:
    """`1..10`, `1,2,5` or both: `1..4,8`; sorted, each once. Raises ValueError for anything else."""
    found: set[int] = set()
    for part in text.split(","):
        first, dots, last = part.partition("..")
        begin, end = int(first), int(last if dots else first)
        if not 1 <= begin <= end <= highest:
            raise ValueError(part)
        found.update(range(begin, end + 1))
    return tuple(sorted(found))
