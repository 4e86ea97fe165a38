import random
from collections.abc import Sequence

from balancer.http1 import Head
from balancer.policies.base import Pick
from balancer.pool import Backend, Pool


class LeastBusy:
    """The one with the fewest requests in flight for its weight; among equals, in turn."""

    def __init__(self, rng: random.Random) -> None:
        self._turn = 0

    def pick(self, candidates: Sequence[Backend], head: Head, client: str, pool: Pool) -> Pick:
        self._turn += 1
        n = len(candidates)
        order = (candidates[(self._turn + k) % n] for k in range(n))
        return Pick(min(order, key=lambda b: b.in_flight / b.weight))
