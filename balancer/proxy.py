"""One request's story, top to bottom: choose a backend, lease a connection, send, receive, count, deliver, finish.

Then what can go wrong, by who fails: the backend, the clock, the client. Nothing here waits: each step is called when
its bytes are there. A connect failure is definite, so any request may go elsewhere; a lost connection is not, so only
an idempotent request of which nothing has been answered is sent again (RFC 9110 section 9.2.2).
"""

import asyncio
from typing import TYPE_CHECKING

from balancer.answers import own_answer
from balancer.bodies import Body, UntilClose, body_of
from balancer.events import begin_event, request_event
from balancer.http1 import CHUNKED, MAX_HEAD, Refused, Request, Response, parse_response
from balancer.pool import STRANGER, Backend, Counts, Pick
from balancer.quick import quick_response
from balancer.state import Balancer
from balancer.upstream import Upstream, connect

if TYPE_CHECKING:
    from balancer.front import Client

MOST_REPLAYS = 2
"""Times a request may be sent again after its connection was lost: it might be what kills the backends."""
MOST_INTERIM = 16
"""1xx responses before the final one."""
MAX_FIRST = 64 * 1024
"""Bytes of a body kept while a connection is being made; then the client has to wait."""
TUNNEL_IDLE = 3600.0
"""Seconds without a byte in either direction."""


class Exchange:
    """One request and its answer."""

    __slots__ = (
        "_close", "_connecting", "_download", "_first", "_fresh", "_held", "_interims", "_replays", "_tried", "answer", "backend",
        "balancer", "client", "pick", "request", "started", "tunnel", "upload", "upstream",
    )  # fmt: skip

    def __init__(
        self, balancer: Balancer, client: "Client", request: Request, first: bytes, upload: Body | None
    ) -> None:
        """`first` is what has come of the request's body so far; `upload` reads the rest, if there is one."""
        self.balancer = balancer
        self.client = client
        self.request = request
        self.upload = upload
        self.backend: Backend | None = None
        self.upstream: Upstream | None = None
        self.answer: Response | None = None
        self.pick: Pick | None = None
        self.tunnel = False
        self._first = first
        self._download: Body | None = None
        self._held = b""
        self._fresh = self._close = False
        self._interims = self._replays = 0
        self._tried: tuple[Backend, ...] = ()
        self._connecting: asyncio.Task[None] | None = None
        self.started = begin_event(self) if balancer.feed.subscribers else 0.0

    # 1. Choose a backend

    def begin(self) -> None:
        balancer = self.balancer
        available = balancer.pool.available
        if self._tried:
            available = available.without(self._tried)
        pick = balancer.policy.pick(available, self.request)
        if pick is None:
            if self._tried:
                self.fail(502, "no server could be reached")
            else:
                balancer.pool.own.errors += 1
                self.fail(503, "no server is available")
            return
        self.pick = pick
        self.backend = pick.backend
        pick.backend.in_flight += 1
        self.lease(pick.backend)

    # 2. Lease a connection to it: the one used last, or a new one

    def lease(self, backend: Backend) -> None:
        idle = backend.idle
        if idle and not self._fresh and (self.request.replayable or idle[-1].surely_open()):
            self.send(idle.pop())
            return
        self.client.deadline = self.balancer.within(self.balancer.config.connect_timeout * 2)
        self._connecting = self.balancer.run(self._connect(backend))

    async def _connect(self, backend: Backend) -> None:
        try:
            upstream = await connect(self.balancer, backend)
        except (OSError, TimeoutError):
            self._connecting = None
            self.balancer.failed(backend)
            self._tried += (backend,)
            self.again()  # nothing has been sent: any request may go elsewhere
            return
        self._connecting = None
        self.send(upstream)

    # 3. Send the head, and what is there of the body, in one write

    def send(self, upstream: Upstream) -> None:
        self.upstream = upstream
        upstream.exchange = self
        self.client.deadline = self.balancer.within(self.balancer.config.response_timeout)
        upstream.write(self.request.wire + self._first if self._first else self.request.wire)
        if self.upload is not None:
            self.client.go_on()

    def upload_part(self, data: bytes) -> bytes:
        """More of the request's body; returns what comes after it."""
        self.client.deadline = self.balancer.within(
            TUNNEL_IDLE if self.tunnel else self.balancer.config.response_timeout
        )
        if self.tunnel:
            assert self.upstream is not None
            self.upstream.write(data)
            return b""
        assert self.upload is not None
        try:
            part, rest = self.upload.feed(data)
        except Refused as refused:
            self.client_broke(refused)
            return b""
        if self.upload.done:
            self.upload = None
        if self.upstream is None:
            self._first += part
            if len(self._first) > MAX_FIRST:
                self.client.hold()
        else:
            self._replays = MOST_REPLAYS  # what has been passed on is not kept: it cannot be sent again
            self.upstream.write(part)
        return rest

    # 4. Receive: the answer's head, judged as strictly as a request's, then its body

    def received(self, data: bytes) -> None:
        try:
            if self.answer is not None:
                self.deliver_part(data)
            else:
                self.receive(data)
        except Refused as refused:
            self.backend_broke(str(refused))

    def receive(self, data: bytes) -> None:
        upstream, request = self.upstream, self.request
        assert upstream is not None
        if self._held:
            data = self._held + data
        answer = upstream.seen
        if answer is None or not data.startswith(answer.raw) or request.method == b"HEAD":
            data, answer = self.read_head(data)
            if answer is None:
                self._held = data
                return
        self.answer = answer
        self.count(answer)
        if (
            answer.verbatim
            and len(data) == len(answer.raw) + answer.length  # a whole answer, of known length, and nothing else
            and self.upload is None
            and request.keep_alive
            and request.minor == 1
            and self.pick is not None
            and self.pick.set_cookie is None
            and not self.balancer.stopping
        ):
            self.client.write(data)
            self.finish(reuse=True, close=False)
        else:
            self.deliver(answer, data[len(answer.raw) :])

    def read_head(self, data: bytes) -> tuple[bytes, Response | None]:
        """The final answer's head and the data from there on; 1xx answers before it are passed on. Raises Refused."""
        request, upstream = self.request, self.upstream
        strip = self.balancer.config.strip_session_headers
        assert upstream is not None
        answer = None if self._held or strip else quick_response(data, request.method)
        while answer is None or answer.status < 200:
            end = data.find(b"\r\n\r\n") + 4
            if end < 4 or end > MAX_HEAD:
                if len(data) > MAX_HEAD:
                    raise Refused(502, "its head is too long")
                return data, None
            answer = parse_response(data[:end], request.method, strip)
            if answer.status == 101:
                if not request.websocket or answer.upgrade.lower() != b"websocket":
                    raise Refused(502, "it switched protocols unasked")
                return data, answer
            if answer.status < 200:
                data = data[end:]
                self._interims += 1
                if self._interims > MOST_INTERIM:
                    raise Refused(502, "too many interim answers")
                if request.minor == 1:
                    self.client.write(answer.kept + b"\r\n")
                answer = None
        if len(answer.raw) > MAX_HEAD:
            raise Refused(502, "its head is too long")
        upstream.seen = answer if request.method != b"HEAD" else None
        return data, answer

    # 5. Count, before the client can know

    def count(self, answer: Response) -> None:
        backend, pick, outcome = self.backend, self.pick, answer.outcome
        assert backend is not None
        assert pick is not None
        counts: Counts = backend.counts
        backend.failures = 0
        counts.requests += 1
        counts.statuses[answer.status // 100] += 1
        if outcome is not None:
            counts.outcomes[outcome] += 1
        if self.request.session is not None:
            counts.with_session += 1
            if outcome in STRANGER:
                counts.logged_out += 1
        if pick.moved is not None:
            counts.moved[pick.moved] = counts.moved.get(pick.moved, 0) + 1

    # 6. Deliver, where the head has to be rewritten or the body is still coming

    def deliver(self, answer: Response, data: bytes) -> None:
        client, request, pick = self.client, self.request, self.pick
        assert pick is not None
        head = answer.kept
        if pick.set_cookie is not None:
            head += b"Set-Cookie: " + pick.set_cookie + b"\r\n"
        if answer.status == 101:
            self.open_tunnel(head, data)
            return
        old = request.minor == 0
        self._download = download = body_of(answer.length, decode=old)
        if old and answer.length == CHUNKED:
            head = b"\r\n".join(
                line for line in head.split(b"\r\n") if not line.lower().startswith(b"transfer-encoding:")
            )
        ends = isinstance(download, UntilClose) or (old and answer.length == CHUNKED)
        close = ends or not request.keep_alive or self.upload is not None or self.balancer.stopping
        if close:
            head += b"Connection: close\r\n"
        elif old:
            head += b"Connection: keep-alive\r\n"
        self._close = close
        if download is None:
            client.write(head + b"\r\n")
            self.finish(reuse=answer.keep_alive and not data, close=close)
            return
        part, rest = download.feed(data)
        client.write(head + b"\r\n" + part)
        self.delivered(rest)

    def deliver_part(self, data: bytes) -> None:
        if self.tunnel:
            self.client.deadline = self.balancer.within(TUNNEL_IDLE)
            self.client.write(data)
            return
        assert self._download is not None
        part, rest = self._download.feed(data)
        self.client.write(part)
        self.delivered(rest)

    def delivered(self, rest: bytes) -> None:
        """Some of the body has been passed on; `rest` is what came after its end."""
        assert self.answer is not None
        assert self._download is not None
        if self._download.done:
            self.finish(reuse=self.answer.keep_alive and not rest, close=self._close)
        else:
            self.client.deadline = self.balancer.within(self.balancer.config.response_timeout)

    def open_tunnel(self, head: bytes, data: bytes) -> None:
        """Both sides speak another protocol from here on (RFC 9110 section 7.8); we pass bytes."""
        self.tunnel = True
        self.client.deadline = self.balancer.within(TUNNEL_IDLE)
        self.client.write(head + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + data)
        self.client.go_on()
        early = self.client.take_buffer()
        if early and self.upstream is not None:
            self.upstream.write(early)

    # 7. Finish

    def finish(self, *, reuse: bool, close: bool) -> None:
        """`reuse`: the connection to the backend is at rest; `close`: the client's must end."""
        upstream, backend = self.upstream, self.backend
        if self._connecting is not None:
            self._connecting.cancel()
        if upstream is not None:
            if reuse and self.upload is None:
                upstream.rest()
            else:
                upstream.give_up()
            self.upstream = None
        if backend is not None:
            self.balancer.left(backend)
        if self.started:
            self.balancer.feed.put(request_event(self))
        self.client.finished(close, linger=self.upload is not None)

    # What can go wrong: the backend

    def again(self) -> None:
        """Send the request once more, to whoever is chosen now."""
        backend, self.backend = self.backend, None
        assert backend is not None
        backend.counts.retried += 1
        self.balancer.left(backend)
        self.begin()

    def backend_lost(self, *, clean: bool) -> None:
        """The connection has ended; `clean`: without an error."""
        upstream, self.upstream = self.upstream, None
        backend = self.backend
        assert upstream is not None
        assert backend is not None
        if self.tunnel or (clean and isinstance(self._download, UntilClose)):
            self.finish(reuse=False, close=True)
            return
        if self.answer is not None:
            self.truncated()
            return
        untouched = not self._held and not self._interims
        if not upstream.reused or not untouched:  # a connection that has rested may just have been idle too long
            self.balancer.failed(backend)
            self._tried += (backend,)
        if untouched and self.request.replayable and self._replays < MOST_REPLAYS:
            self._replays += 1
            self._fresh = True
            self.again()
        else:
            self.fail(502, "the server closed the connection before it answered")

    def backend_broke(self, why: str) -> None:
        """It has sent what cannot be passed on."""
        assert self.backend is not None
        self.balancer.failed(self.backend)
        if self.answer is not None:
            self.truncated(counted=True)
        else:
            self.fail(502, f"the server's answer is no HTTP: {why}")

    def truncated(self, *, counted: bool = False) -> None:
        """The rest of the answer will never come, and only a broken connection tells the client so."""
        assert self.backend is not None
        if not counted:
            self.balancer.failed(self.backend)
        self.client.abort()
        self.finish(reuse=False, close=True)

    def fail(self, status: int, why: str) -> None:
        """Answer in the backend's place."""
        balancer, request = self.balancer, self.request
        own = balancer.pool.own
        own.requests += 1
        own.statuses[status // 100] += 1
        close = self.upload is not None or request.minor == 0 or not request.keep_alive or balancer.stopping
        self.client.write(own_answer(status, why, close=close, head_only=request.method == b"HEAD"))
        if self.started:
            balancer.feed.put(request_event(self, status))
            self.started = 0.0
        self.finish(reuse=False, close=close)

    # The clock

    def expire(self) -> None:
        """Nothing has moved for too long (Balancer.sweep, by way of the client)."""
        if self.tunnel:
            self.finish(reuse=False, close=True)
        elif self._connecting is not None:
            self.fail(504, "the server could not be reached in time")
        elif self.answer is not None:
            self.truncated()
        elif self.upload is not None:
            self.fail(408, "the request's body took too long")
        else:
            assert self.backend is not None
            self.balancer.failed(self.backend)
            self.fail(504, "the server did not answer in time")

    # The client

    def client_broke(self, refused: Refused) -> None:
        """Its request's body is malformed: the backend must not take what it got for a whole request."""
        if self.answer is not None:
            self.client.abort()
            self.finish(reuse=False, close=True)
        else:
            self.fail(refused.status, str(refused))

    def client_half_closed(self) -> bool:
        """It will send no more; whether it can still have its answer."""
        if self.tunnel:
            self.finish(reuse=False, close=True)
            return False
        return self.upload is None  # half a request is none

    def client_gone(self) -> None:
        """Nobody is there to be answered."""
        self.finish(reuse=False, close=True)
