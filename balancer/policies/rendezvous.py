"""The client's address decides, and a server that comes or goes moves no other server's clients."""

from hashlib import blake2b
from math import log

from balancer.policies.base import Available
from balancer.policies.by_address import ByAddress
from balancer.pool import Backend


class Rendezvous(ByAddress):
    """By the client's address; a server that comes or goes moves only its own share (highest random weight).

    Thaler and Ravishankar 1998; with weights -w / ln(h), Schindelhauer and Schomaker 2005. Not by session ID:
    that changes at login, and would move the user away from the server that has just written the session.
    """

    def choose(self, available: Available, client: str) -> Backend:
        encoded = client.encode()
        return max(available.new, key=lambda backend: _score(encoded, backend))


def _score(client: bytes, backend: Backend) -> float:
    digest = blake2b(client, digest_size=8, key=backend.name.encode()[:64]).digest()
    return -backend.weight / log((int.from_bytes(digest) + 1) / (2**64 + 2))
