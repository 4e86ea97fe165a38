import random
from collections.abc import Sequence
from hashlib import blake2b
from math import log

from balancer.http1 import Head
from balancer.policies.base import Pick
from balancer.pool import Backend, Pool


class Rendezvous:
    """By the client's address; a server that goes or comes moves only its own share (highest random weight).

    Thaler and Ravishankar 1998; with weights -w / ln(h), Schindelhauer and Schomaker 2005.
    """

    def __init__(self, rng: random.Random) -> None:
        pass

    def pick(self, candidates: Sequence[Backend], head: Head, client: str, pool: Pool) -> Pick:
        return Pick(max(candidates, key=lambda b: score(client, b)))


def score(key: str, backend: Backend) -> float:
    digest = blake2b(f"{key}|{backend.name}".encode(), digest_size=8).digest()
    return -backend.weight / log((int.from_bytes(digest) + 1) / 2**64 * (1 - 2**-52))
