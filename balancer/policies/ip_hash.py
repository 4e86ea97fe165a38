"""The client's address decides, modulo the servers: sticky without a cookie, until the number of servers changes."""

from hashlib import blake2b

from balancer.policies.base import Available, Pick, Request


class IpHash:
    """By the client's address, modulo the number of servers: simple, and nearly everybody moves when that changes."""

    def pick(self, available: Available, request: Request) -> Pick | None:
        slots = available.slots
        if not slots:
            return None
        digest = blake2b(request.client.encode(), digest_size=8).digest()
        return slots[int.from_bytes(digest) % len(slots)].pick
