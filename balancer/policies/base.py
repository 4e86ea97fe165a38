"""What a policy is given and what it answers."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from balancer.http1 import Head
from balancer.pool import Backend, Pool


class Pick(NamedTuple):
    """Where a request goes. `set_cookie`: a Set-Cookie value for the answer; `moved`: why a user changed servers."""

    backend: Backend
    set_cookie: bytes | None = None
    moved: str | None = None


class Policy(Protocol):
    """Pure: the same calls give the same picks. Never called with nobody in `candidates`."""

    def pick(self, candidates: Sequence[Backend], head: Head, client: str, pool: Pool) -> Pick:
        """One of `candidates` (healthy, not draining, not tried yet for this request). `client` is an IP address;
        `pool` is for policies that know users: it also holds the backends that are draining."""
