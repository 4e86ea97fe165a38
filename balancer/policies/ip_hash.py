import random
from collections.abc import Sequence
from hashlib import blake2b

from balancer.http1 import Head
from balancer.policies.base import Pick
from balancer.pool import Backend, Pool


class IpHash:
    """By the client's address, modulo the number of servers: simple, and everybody moves when that number changes."""

    def __init__(self, rng: random.Random) -> None:
        pass

    def pick(self, candidates: Sequence[Backend], head: Head, client: str, pool: Pool) -> Pick:
        slots = [b for b in candidates for _ in range(b.weight)]
        digest = blake2b(client.encode(), digest_size=8).digest()
        return Pick(slots[int.from_bytes(digest) % len(slots)])
