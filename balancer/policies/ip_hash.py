"""The client's address decides, modulo the servers: sticky without a cookie, until the number of servers changes."""

from hashlib import blake2b

from balancer.policies.base import Available
from balancer.policies.by_address import ByAddress
from balancer.pool import Backend


class IpHash(ByAddress):
    """By the client's address, modulo the number of servers: simple, and nearly everybody moves when that changes."""

    def choose(self, available: Available, client: str) -> Backend:
        places = available.places
        digest = blake2b(client.encode(), digest_size=8).digest()
        return places[int.from_bytes(digest) % len(places)]
