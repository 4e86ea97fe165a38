"""One request's story: `begin` -> `start` (pick, lease) -> `request_body` -> `answer_begins` -> `answer_ends`."""

import asyncio
import hashlib
import random
import re
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from balancer.config import BalancerConfig
from balancer.events import Feed
from balancer.front import Front, plain
from balancer.http1 import CHUNKED, UNTIL_CLOSE, ChunkedBody, Head
from balancer.policies import POLICIES
from balancer.pool import Backend, Pool
from balancer.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Callable

IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"})  # RFC 9110 section 9.2.2
MOST_TRIES = 3
REPLAYABLE = 65536
"""Bytes of a request that are kept so that it can be sent again."""
STRANGER = frozenset({"unknown", "expired"})
"""Outcomes that make a logout: an ID was sent and answered as if by a stranger. `revoked` was ended on purpose."""

STATUSES = ("0xx", "1xx", "2xx", "3xx", "4xx", "5xx")  # 0xx: the client left before there was an answer
_ISSUED = re.compile(rb"(?:^|, )session_id=([^;,]+)")
_SESSION_FIELDS = re.compile(rb"(?<=\n)(?i:served-by|session-outcome|session-age):[^\n]*\n")


class Proxy:
    """Everything that outlives a request: the pool, the policy, idle connections, counters, the feed."""

    def __init__(self, config: BalancerConfig, rng: random.Random, clock: "Callable[[], float]") -> None:
        self.config = config
        self.clock = clock
        self.now = clock()
        """The time as of the last sweep: good enough for every limit, and free."""
        self.pool = Pool()
        self.rng = rng
        self.policy_name = config.policy
        self.policy = POLICIES[config.policy](rng)
        self.feed = Feed()
        self.labels: dict[str, str] = {}
        self.refused = 0
        self.stopping = False
        self.fronts: set[Front] = set()
        self.exchanges: set[Exchange] = set()
        self.idle: dict[Backend, deque[Upstream]] = {}
        self.in_flight_of: dict[bytes, int] = {}
        self.connecting: set[asyncio.Task[None]] = set()
        self._quiet: dict[Backend, list[asyncio.Future[None]]] = {}

    def front_came(self, front: Front) -> None:
        self.fronts.add(front)
        if len(self.fronts) > self.config.max_connections:
            front.transport.write(plain(503, "too many connections", close=True))
            front.transport.close()

    def front_went(self, front: Front) -> None:
        self.fronts.discard(front)

    def begin(self, front: Front, head: Head) -> "Exchange":
        exchange = Exchange(self, front, head)
        self.exchanges.add(exchange)
        return exchange

    def lease(self, backend: Backend) -> Upstream | None:
        """The connection to this backend that was used last, or None when all are busy."""
        idle = self.idle.get(backend)
        while idle:
            upstream = idle.pop()
            if not upstream.transport.is_closing():
                return upstream
        return None

    def give_back(self, upstream: Upstream) -> None:
        if upstream.backend in self.pool.backends and not self.stopping:
            upstream.idle_since = self.now
            self.idle.setdefault(upstream.backend, deque()).append(upstream)
        else:
            upstream.transport.close()

    def upstream_gone(self, upstream: Upstream) -> None:
        idle = self.idle.get(upstream.backend)
        if idle and upstream in idle:
            idle.remove(upstream)

    def close_idle(self, backend: Backend) -> None:
        for upstream in self.idle.pop(backend, ()):
            upstream.transport.close()

    def failed(self, backend: Backend) -> None:
        """A request could not reach this backend (passive health check)."""
        backend.passes = 0
        backend.failures += 1
        if backend.healthy and backend.failures >= self.config.fall:
            self.set_health(backend, False)

    def set_health(self, backend: Backend, healthy: bool) -> None:
        backend.healthy = healthy
        self.pool.changed()
        if not healthy:
            self.close_idle(backend)
        self.mark("up" if healthy else "down", backend.name)

    def mark(self, what: str, detail: str) -> None:
        if self.feed:
            self.feed.put({"kind": "mark", "time": time.time(), "what": what, "detail": detail})

    def left(self, backend: Backend) -> None:
        """One request less in flight there."""
        backend.in_flight -= 1
        if not backend.in_flight:
            for waiting in self._quiet.pop(backend, ()):
                if not waiting.done():
                    waiting.set_result(None)

    async def wait_idle(self, backend: Backend) -> None:
        """Return once no request is in flight on this backend."""
        if backend.in_flight:
            waiting = asyncio.get_running_loop().create_future()
            self._quiet.setdefault(backend, []).append(waiting)
            await waiting

    def sweep(self) -> None:
        """Enforce every time limit. One coarse pass costs less than a timer per request."""
        now = self.now = self.clock()
        config = self.config
        for front in list(self.fronts):
            waited = now - front.active
            if front.exchange is None and front.buffer and waited > config.head_timeout:
                front.transport.write(plain(408, "the request head took too long", close=True))
                front.transport.close()
            elif front.exchange is None and (self.stopping or waited > config.idle_timeout):
                front.transport.close()
        for exchange in list(self.exchanges):
            if exchange.tunnel:
                continue
            if now - max(exchange.active, exchange.front.active) > config.response_timeout:
                exchange.timed_out()
        for idle in self.idle.values():
            while idle and now - idle[0].idle_since > config.idle_timeout:
                idle.popleft().transport.close()


class Exchange:
    """One request and its answer."""

    __slots__ = (
        "active",
        "answering",
        "backend",
        "body_done",
        "chunks",
        "counted",
        "duration_from",
        "front",
        "head",
        "issued",
        "keep_alive",
        "left",
        "moved",
        "outcome",
        "proxy",
        "sent",
        "served_by",
        "session",
        "session_age",
        "set_cookie",
        "status",
        "tried",
        "tunnel",
        "upstream",
    )  # fmt: skip

    def __init__(self, proxy: Proxy, front: Front, head: Head) -> None:
        self.proxy = proxy
        self.front = front
        self.head = head
        self.active = proxy.now
        self.backend: Backend | None = None
        self.upstream: Upstream | None = None
        self.tried: list[Backend] = []
        self.sent: list[bytes] | None = []
        """What has to be sent (again) on a new connection; None once it is too much to keep."""
        self.left = max(head.length, 0)
        self.chunks = ChunkedBody() if head.length == CHUNKED else None
        self.body_done = head.length == 0
        self.answering = self.counted = self.tunnel = False
        self.keep_alive = head.keep_alive
        self.moved: str | None = None
        self.set_cookie: bytes | None = None
        self.outcome = self.session_age = self.served_by = ""
        self.status = 0
        self.issued: bytes | None = None
        self.session = head.session
        self.duration_from = 0.0
        if proxy.feed:
            self.duration_from = time.perf_counter()
            if self.session:
                proxy.in_flight_of[self.session] = proxy.in_flight_of.get(self.session, 0) + 1

    # The way there

    def start(self) -> None:
        """Pick a backend, and send the request on an idle connection or a new one."""
        proxy, pool = self.proxy, self.proxy.pool
        candidates = pool.available if not self.tried else tuple(b for b in pool.available if b not in self.tried)
        if not candidates:
            self.fail(503 if not self.tried else 502, "no server is available")
            return
        pick = proxy.policy.pick(candidates, self.head, self.front.client, pool)
        self.set_cookie = pick.set_cookie or self.set_cookie
        self.moved = self.moved or pick.moved
        backend = self.backend = pick.backend
        backend.in_flight += 1
        if upstream := proxy.lease(backend):
            self.attach(upstream)
        else:
            self.connect(backend)

    def connect(self, backend: Backend) -> None:
        self.front.hold()  # what is kept for sending again stays bounded
        task = asyncio.get_running_loop().create_task(self._connect(backend))
        self.proxy.connecting.add(task)
        task.add_done_callback(self.proxy.connecting.discard)

    async def _connect(self, backend: Backend) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.proxy.config.connect_timeout):
                _, upstream = await loop.create_connection(
                    lambda: Upstream(self.proxy, backend), backend.host, backend.port
                )
        except (OSError, TimeoutError):
            self.proxy.failed(backend)
            if self.backend is backend:  # nothing was sent: any method may go elsewhere
                self.again(backend)
            return
        if self.backend is not backend or self.front.exchange is not self:
            upstream.transport.close()
            return
        self.front.go_on()
        self.attach(upstream)

    def attach(self, upstream: Upstream) -> None:
        self.upstream = upstream
        upstream.begin(self)
        body = self.sent or ()
        upstream.transport.write(b"".join((self.request_head(), *body)))
        if not self.body_done and self.head.length != 0 and sum(map(len, body)) > REPLAYABLE:
            self.sent = None

    def request_head(self) -> bytes:
        """The head as the backend gets it."""
        head = self.head
        text = head.text
        if head.http10:  # this client must not get chunks, so the backend is asked in HTTP/1.0, too
            text = text.replace(b"HTTP/1.1\r\n", b"HTTP/1.0\r\n", 1)
        if head.length == CHUNKED:
            text += b"Transfer-Encoding: chunked\r\n"
        if head.upgrade and self.body_done:
            text += b"Connection: Upgrade\r\nUpgrade: " + head.upgrade + b"\r\n"
        host = head.fields.get(b"host", b"")
        return b"%b%bX-Forwarded-Host: %b\r\n\r\n" % (text, self.front.forwarded, host)

    def request_body(self, data: bytes) -> bytes:
        """Pass on what belongs to this request's body; what follows it comes back. Raises Refused."""
        self.active = self.proxy.now
        if self.tunnel:
            if self.upstream:
                self.upstream.transport.write(data)
            return b""
        if self.chunks is not None:
            taken = self.chunks.feed(data)
            self.body_done = self.chunks.done
        else:
            taken = min(self.left, len(data))
            self.left -= taken
            self.body_done = self.left == 0
        part = data[:taken]
        if part:
            if self.sent is not None:
                self.sent.append(part)
                if self.upstream and sum(map(len, self.sent)) > REPLAYABLE:
                    self.sent = None
            if self.upstream:
                self.upstream.transport.write(part)
        return data[taken:]

    # The way back

    def interim(self, head: Head) -> None:
        """A 1xx answer: passed on as it is (RFC 9110 section 15.2), but not to HTTP/1.0 clients."""
        if not self.head.http10:
            self.front.transport.write(head.text + b"\r\n")

    def answer_begins(self, head: Head) -> bytes:
        """The final answer's head has come: count it, and return it as the client gets it."""
        self.answering = True
        self.status = head.status
        fields = head.fields
        backend = self.backend
        assert backend is not None
        backend.failures = 0
        self.outcome = fields.get(b"session-outcome", b"").decode("latin-1")
        self.served_by = fields.get(b"served-by", b"").decode("latin-1")
        self.count(backend)
        if self.proxy.feed:
            self.session_age = fields.get(b"session-age", b"").decode("latin-1")
            issued = _ISSUED.search(fields.get(b"set-cookie", b""))
            self.issued = issued[1] if issued else None
        text = head.text
        if self.proxy.config.strip_session_headers:
            text = _SESSION_FIELDS.sub(b"", text)
        if self.set_cookie:
            text += b"Set-Cookie: " + self.set_cookie + b"\r\n"
        if head.status == 101:
            self.tunnel = self.body_done = True
            return text + b"Connection: Upgrade\r\nUpgrade: " + head.upgrade + b"\r\n\r\n"
        if head.length == CHUNKED:
            text += b"Transfer-Encoding: chunked\r\n"
        if head.length == UNTIL_CLOSE or not self.body_done or self.proxy.stopping:
            self.keep_alive = False
        if not self.keep_alive:
            text += b"Connection: close\r\n"
        elif self.head.http10:
            text += b"Connection: keep-alive\r\n"
        return text + b"Via: 1.1 session-lab\r\n\r\n"

    def answer(self, data: bytes) -> None:
        self.active = self.proxy.now
        self.front.transport.write(data)

    def answer_ends(self) -> None:
        self.end()
        front = self.front
        if not self.keep_alive or self.tunnel:
            front.transport.close()
        elif not front.transport.is_closing():
            front.go_on()
            front.active = self.proxy.now
            if front.buffer:
                front.read_request()

    # What can go wrong

    def backend_failed(self, why: str, replay: bool) -> None:
        """The connection broke. `replay`: nothing of an answer had come, so an idempotent request may be sent again."""
        upstream, backend = self.upstream, self.backend
        assert backend is not None
        self.upstream = None
        if upstream is not None and not upstream.used:
            self.proxy.failed(backend)  # a reused connection may just have been idle too long
        if self.answering:
            backend.counts.errors += 1
            self.end()
            self.front.transport.abort()  # the client must see that this is not the whole answer
        elif replay and self.sent is not None and self.head.method in IDEMPOTENT:
            self.again(None if upstream is not None and upstream.used else backend)
        else:
            self.fail(502, why)

    def again(self, avoid: Backend | None) -> None:
        """Send the request once more, to another backend if this one is to be avoided."""
        assert self.backend is not None
        self.proxy.left(self.backend)
        self.backend.counts.retried += 1
        if avoid is not None:
            self.tried.append(avoid)
        self.backend = None
        if self.sent is None or len(self.tried) >= MOST_TRIES:
            self.fail(502, "no server could be reached")
        else:
            self.start()

    def fail(self, status: int, why: str) -> None:
        """Answer the client ourselves."""
        self.status = status
        (self.proxy.pool.own if self.backend is None else self.backend.counts).errors += 1
        self.end()
        front = self.front
        keep = self.keep_alive and self.body_done and not self.proxy.stopping
        front.transport.write(plain(status, why, close=not keep))
        if not keep:
            front.transport.close()
        else:
            front.go_on()
            if front.buffer:
                asyncio.get_running_loop().call_soon(front.read_request)

    def timed_out(self) -> None:
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.exchange = None
            upstream.transport.abort()
        if self.backend is not None:
            self.proxy.failed(self.backend)
        if self.answering:
            self.end()
            self.front.transport.abort()
        else:
            self.fail(504, "the server did not answer in time")

    def client_broke(self) -> None:
        """The client is gone, or has sent nonsense: give the backend up."""
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.exchange = None
            upstream.transport.abort()
        self.end()

    # The books

    def count(self, backend: Backend | None) -> None:
        """Once per request, before the client can see the answer."""
        self.counted = True
        counts = self.proxy.pool.own if backend is None else backend.counts
        outcome = self.outcome
        counts.requests += 1
        if outcome:
            counts.outcomes[outcome] = counts.outcomes.get(outcome, 0) + 1
            if self.session is not None:
                counts.with_session += 1
                if outcome in STRANGER:
                    counts.logged_out += 1
        kind = STATUSES[self.status // 100]
        counts.statuses[kind] = counts.statuses.get(kind, 0) + 1
        if self.moved:
            counts.moved[self.moved] = counts.moved.get(self.moved, 0) + 1

    def end(self) -> None:
        if self.front.exchange is not self:
            return
        self.front.exchange = None
        self.proxy.exchanges.discard(self)
        if not self.counted:
            self.count(None)
        backend = self.backend
        if self.duration_from:
            self.proxy.feed.put(self.event())
            if self.session:
                left = self.proxy.in_flight_of.get(self.session, 0) - 1
                if left > 0:
                    self.proxy.in_flight_of[self.session] = left
                else:
                    self.proxy.in_flight_of.pop(self.session, None)
        self.backend = None
        if backend is not None:
            self.proxy.left(backend)

    def event(self) -> dict[str, Any]:
        fields = self.head.fields
        age, _, idle = self.session_age.partition(" ")
        return {
            "kind": "request", "time": time.time(), "user": text(fields.get(b"lab-user")),
            "method": text(self.head.method), "path": text(self.head.target), "server": self.served_by or None,
            "policy": self.proxy.policy_name, **self.proxy.labels, "sent": hashed(self.session), "received": hashed(self.issued),
            "outcome": self.outcome or None, "age": float(age) if age else None, "idle": float(idle) if idle else None,
            "session_in_flight": self.proxy.in_flight_of.get(self.session, 0) if self.session else 0,
            "cookie_bytes": len(fields.get(b"cookie", b"")), "host": text(fields.get(b"host")), "status": self.status,
            "duration": round(time.perf_counter() - self.duration_from, 6), "moved": self.moved,
        }  # fmt: skip


def text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def hashed(token: bytes | None) -> str | None:
    """The feed may be stored and shown: it tells sessions apart and opens none."""
    return None if token is None else hashlib.sha256(token).hexdigest()[:12]
