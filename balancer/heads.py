"""The heads of one client's requests: proven the quick way or the strict one, written anew for the backend, remembered.

Clients repeat themselves: what was proven once need not be again, so the last head is kept, and the first one is looked
for among those that other connections have begun with. Pure.
"""

from collections.abc import Callable
from functools import lru_cache

from balancer.alike import Alike
from balancer.forwarded import Origin, origin_of
from balancer.http1 import MAX_HEAD, Request, parse_request
from balancer.networks import Networks
from balancer.quick import quick_request

MAX_REMEMBERED = 4096
"""Bytes of a head that is kept."""
MOST_SHARED = 512
RELEARN = 8
"""Heads proven as a whole until it is asked again what they have in common."""
VIA = b"Via: 1.1 session-lab\r\n"


class SharedHeads:
    """Plain heads of all connections, by what is added to them and their bytes: browsers open several connections at
    once, and say the same on each."""

    def __init__(self) -> None:
        self._heads: dict[tuple[bytes, bytes], Request] = {}

    def find(self, ours: bytes, raw: bytes) -> Request | None:
        return self._heads.get((ours, raw))

    def add(self, ours: bytes, request: Request) -> None:
        if len(self._heads) >= MOST_SHARED:
            self._heads.clear()
        self._heads[ours, request.raw] = request


class Heads:
    """Of one connection from `address` by `scheme`; `trusted`: who may say that a request comes from elsewhere, if this
    client is one of them."""

    __slots__ = ("_address", "_alike", "_ours", "_proven", "_scheme", "_shared", "_trusted", "seen")

    def __init__(self, address: str, scheme: str, trusted: Networks, shared: SharedHeads) -> None:
        self._address = address
        self._scheme = scheme
        self._trusted = trusted
        self._shared = shared
        self._ours = _ours(address, scheme)
        self._alike: Alike | None = None
        self._proven = 0
        """Heads that had to be proven as a whole, but for the first."""
        self.seen: Request | None = None
        """The last head that was not too long to be kept."""

    def plain(self, data: bytes) -> Request | None:
        """The request that `data` begins with, if it is the last one again or plain (quick.py)."""
        seen = self.seen
        if seen is not None and data.startswith(seen.raw):
            return seen
        if self._trusted:
            request = quick_request(data)
            return request if request is None or len(request.raw) > MAX_HEAD else self._rewritten(request, b"")
        if seen is None and (request := self._shared.find(self._ours, data)) is not None:
            self.seen = request
            return request
        request = self._alike.request(data) if self._alike is not None else None
        if request is None:
            request = quick_request(data)
            if request is None or len(request.raw) > MAX_HEAD:
                return None
            request.wire = b"".join((request.kept, self._ours, b"X-Forwarded-Host: ", request.host, b"\r\n\r\n"))
            if seen is not None:
                self._learn(seen, request)
            elif len(data) == len(request.raw) <= MAX_REMEMBERED:
                self._shared.add(self._ours, request)
        request.client = self._address
        if len(request.raw) <= MAX_REMEMBERED:
            self.seen = request
        return request

    def _learn(self, seen: Request, request: Request) -> None:
        """Now and then, since it is in vain where every head is another."""
        if self._proven % RELEARN == 0:
            self._alike = Alike.of(seen, request, self._ours)
        self._proven += 1

    def strict(self, head: bytes, local: Callable[[], str]) -> Request:
        """The request with this head, its empty line included. Raises Refused.

        `local` names us, for HTTP/1.0 clients that send no Host: HTTP/1.1 backends want one.
        """
        request = parse_request(head, trusted=bool(self._trusted))
        return self._rewritten(request, b"" if request.host else b"Host: " + local().encode() + b"\r\n")

    def _rewritten(self, request: Request, host: bytes) -> Request:
        """With its head as the backend gets it."""
        request.client = self._address
        ours, asked_for = self._ours, request.host
        if self._trusted:
            origin = origin_of(request.raw, self._address, self._trusted)
            request.client, asked_for = origin.client, origin.host or request.host
            ours = origin.lines(self._address, self._scheme) + VIA
        forwarded_host = b"X-Forwarded-Host: " + asked_for + b"\r\n" if asked_for else b""
        upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n" if request.websocket else b""
        if not request.minor:
            ours = ours.replace(b"Via: 1.1", b"Via: 1.0")
        request.wire = b"".join((request.kept, host, ours, forwarded_host, upgrade, b"\r\n"))
        if len(request.raw) <= MAX_REMEMBERED:
            self.seen = request
        return request


@lru_cache(1024)
def _ours(address: str, scheme: str) -> bytes:
    """What goes on to backends about a client that is nobody's forwarder."""
    return Origin(address).lines(address, scheme) + VIA
