"""What a policy is, and what it is made of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from time import time
from typing import Protocol

from balancer.http1 import Request
from balancer.policies.sticky_options import StickyOptions
from balancer.pool import Available, Pick

__all__ = ["Available", "Pick", "Policy", "PolicyOptions", "Request"]


class Policy(Protocol):
    """Pure, and deterministic for a given random.Random. Called once per attempt to send a request."""

    def pick(self, available: Available, request: Request) -> Pick | None:
        """A backend out of `available.new`, or `available.kept` for a user who belongs there; None: nobody is left."""

    def why(self, available: Available, request: Request, pick: Pick | None) -> str:
        """For people, in one line: the reason of this pick, the last one that was made (`balancer --explain`)."""


@dataclass(frozen=True)
class PolicyOptions:
    """What policies may need; each takes what concerns it. `secret` is the key of whatever is shown to clients."""

    rng: Random
    secret: bytes
    clock: Callable[[], float] = time
    """The wall clock."""
    sticky: StickyOptions = field(default_factory=StickyOptions)
