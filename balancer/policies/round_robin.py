import random
from collections.abc import Sequence

from balancer.http1 import Head
from balancer.policies.base import Pick
from balancer.pool import Backend, Pool


class RoundRobin:
    """Each in turn, strictly; with weights, as often as its weight says, spread evenly.

    The smooth weighted round robin of nginx (ngx_http_upstream_round_robin.c): everybody gains its weight, the richest
    is picked and pays the total. With equal weights that is plain turns.
    """

    def __init__(self, rng: random.Random) -> None:
        self._gained: dict[Backend, int] = {}
        self._turn = 0

    def pick(self, candidates: Sequence[Backend], head: Head, client: str, pool: Pool) -> Pick:
        first = candidates[0].weight
        for backend in candidates:
            if backend.weight != first:
                return Pick(self._weighted(candidates))
        self._turn += 1
        return Pick(candidates[(self._turn - 1) % len(candidates)])

    def _weighted(self, candidates: Sequence[Backend]) -> Backend:
        gained = self._gained = {b: self._gained.get(b, 0) + b.weight for b in candidates}
        richest = max(candidates, key=gained.__getitem__)
        gained[richest] -= sum(b.weight for b in candidates)
        return richest
