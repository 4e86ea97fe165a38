"""Back to the server that knows you: the balancer's own cookie remembers it."""

import re
from hashlib import blake2b

from balancer.policies.base import Available, Pick, Request
from balancer.policies.round_robin import RoundRobin

NAME = b"lab_server"
_COOKIE = re.compile(rb"(?:^|;)[ \t]*" + NAME + rb"=([^;]*)")


class StickyCookie:
    """The server that the user's own cookie names; new users in turn. Soft: users of a lost server are moved.

    The cookie holds a keyed hash of the server's name: it shows nobody an address. A draining server keeps its users
    and gets no new ones. Why a user is moved: the server is `gone`, `drained` (and then removed), `down` for the
    health checks, or has just `failed` to take this very request.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._others = RoundRobin()
        self._seen: Available | None = None
        self._homes: dict[bytes, Pick] = {}

    def pick(self, available: Available, request: Request) -> Pick | None:
        if available is not self._seen:
            self._seen = available
            self._homes = {self.value(b.name): b.pick for b in available.kept}
        sent = _COOKIE.search(request.cookie) if request.cookie else None
        if sent is not None and (home := self._homes.get(sent[1])):
            return home
        other = self._others.pick(available, request)
        if other is None:
            return None
        cookie = NAME + b"=" + self.value(other.backend.name) + b"; Path=/; HttpOnly; SameSite=Lax"
        return Pick(other.backend, cookie, self._why_moved(sent[1], available) if sent else None)

    def value(self, name: str) -> bytes:
        return blake2b(name.encode(), digest_size=12, key=self._secret).hexdigest().encode()

    def _why_moved(self, sent: bytes, available: Available) -> str:
        for backend in available.known:
            if self.value(backend.name) == sent:
                return "failed" if backend.healthy else "down"
        for name, reason in available.departed.items():
            if self.value(name) == sent:
                return reason
        return "gone"
