"""What a policy is."""

from typing import Protocol

from balancer.http1 import Request
from balancer.pool import Available, Pick

__all__ = ["Available", "Pick", "Policy", "Request"]


class Policy(Protocol):
    """Pure, and deterministic for a given random.Random. Called once per attempt to send a request."""

    def pick(self, available: Available, request: Request) -> Pick | None:
        """A backend out of `available.new`, or `available.kept` for a user who belongs there; None: nobody is left."""
