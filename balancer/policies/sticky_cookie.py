import random
import re
from collections.abc import Sequence
from hashlib import blake2b

from balancer.http1 import Head
from balancer.policies.base import Pick
from balancer.policies.round_robin import RoundRobin
from balancer.pool import Backend, Pool

NAME = b"lab_backend"
_COOKIE = re.compile(rb"(?:^|[; ])" + NAME + rb"=([0-9a-f]{16})(?:;|$)")


class StickyCookie:
    """The server the user's cookie names; new users in turn. Soft: when that server is gone, the user is moved.

    The cookie's value is a keyed hash of the server's name: it tells nobody an address, and only servers that
    exist can be asked for. A draining server keeps its users and gets no new ones.
    """

    def __init__(self, rng: random.Random) -> None:
        self._new = RoundRobin(rng)
        self._key = b"lab"  # the same for all workers and restarts, so that users stay where they are
        self._values: dict[Backend, bytes] = {}

    def pick(self, candidates: Sequence[Backend], head: Head, client: str, pool: Pool) -> Pick:
        sent = _COOKIE.search(head.fields.get(b"cookie", b""))
        moved = None
        if sent:
            home = next((b for b in pool.backends if self.value(b) == sent[1]), None)
            if home is not None and (home in candidates or (home.draining and home.healthy)):
                return Pick(home)
            moved = "gone" if home is None else "down" if not home.healthy else "failed"
        backend = self._new.pick(candidates, head, client, pool).backend
        cookie = NAME + b"=" + self.value(backend) + b"; Path=/; HttpOnly; SameSite=Lax"
        return Pick(backend, cookie, moved)

    def value(self, backend: Backend) -> bytes:
        value = self._values.get(backend)
        if value is None:
            digest = blake2b(backend.name.encode(), digest_size=8, key=self._key).hexdigest()
            value = self._values[backend] = digest.encode()
        return value
