import random
from collections.abc import Sequence

from balancer.http1 import Head
from balancer.policies.base import Pick
from balancer.pool import Backend, Pool


class TwoChoices:
    """The less busy of two drawn at random: nearly as even as asking all (Mitzenmacher, 2001)."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def pick(self, candidates: Sequence[Backend], head: Head, client: str, pool: Pool) -> Pick:
        weights = [b.weight for b in candidates]
        return Pick(min(self._rng.choices(candidates, weights, k=2), key=lambda b: b.in_flight / b.weight))
