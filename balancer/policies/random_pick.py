import random
from collections.abc import Sequence

from balancer.http1 import Head
from balancer.policies.base import Pick
from balancer.pool import Backend, Pool


class RandomPick:
    """Anyone, with a chance in proportion to its weight."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def pick(self, candidates: Sequence[Backend], head: Head, client: str, pool: Pool) -> Pick:
        return Pick(self._rng.choices(candidates, [b.weight for b in candidates])[0])
