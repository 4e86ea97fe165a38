"""One request's story, top to bottom: choose a backend, lease a connection, send, receive, count, deliver, finish.

Nothing here waits: each step is called when its bytes are there. What can go wrong is told in trouble.py.
"""

import asyncio
from typing import TYPE_CHECKING

from balancer import trouble
from balancer.answers import final_head
from balancer.bodies import Body, Chunked, UntilClose, body_of
from balancer.http1 import Refused, Request, Response
from balancer.interim import final_answer
from balancer.pool import Backend, Pick
from balancer.state import Balancer
from balancer.telling import events
from balancer.upstream import NoRoom, Upstream, connect

if TYPE_CHECKING:
    from balancer.front import Client

MAX_FIRST = 64 * 1024
"""Bytes of a body kept while a connection is being made; then the client has to wait."""
SLOWEST = 500
"""Bytes of a body in a second that a client must send on average, once the response timeout is over: one byte now and
then buys no time to speak of (slow loris; the rate is that of Apache's mod_reqtimeout)."""


class Exchange:
    """One request and its answer."""

    __slots__ = (
        "answer", "backend", "balancer", "client", "closing", "connecting", "download", "first", "held",
        "interims", "pick", "replays", "request", "retries", "started", "tried", "tunnel", "upload",
        "upstream", "usual",
    )  # fmt: skip

    def __init__(
        self, balancer: Balancer, client: "Client", request: Request, first: bytes, upload: Body | None
    ) -> None:
        """`first` is what has come of the request's body so far; `upload` reads the rest, if there is one."""
        self.balancer = balancer
        self.client = client
        self.request = request
        self.first = first
        self.upload = upload
        self.usual = request.usual and upload is None
        """A whole answer may be passed on as it comes: nothing has happened yet that forbids it."""
        self.backend: Backend | None = None
        self.upstream: Upstream | None = None
        self.answer: Response | None = None
        self.pick: Pick | None = None
        self.download: Body | None = None
        self.tunnel = self.closing = False
        self.held = b""
        self.interims = self.replays = self.retries = 0
        self.tried: tuple[Backend, ...] = ()
        self.connecting: asyncio.Task[None] | None = None
        self.started = events.begin(self) if balancer.tellers else 0.0

    # 1. Choose a backend

    def begin(self) -> None:
        balancer = self.balancer
        available = balancer.pool.available
        if self.tried:
            available = available.without(self.tried)
        pick = balancer.pick(available, self.request)
        if pick is None:
            trouble.nobody(self, available)
            return
        self.pick = pick
        self.backend = backend = pick.backend
        backend.in_flight += 1
        idle = backend.idle
        replayable = self.request.replayable and self.upload is None
        if idle and not self.replays and (replayable or idle[-1].surely_kept()) and idle[-1].still_open():
            self.send(idle.pop())
        else:
            self.connect(backend)

    # 2. Lease a connection to it: the one used last, or a new one

    def connect(self, backend: Backend) -> None:
        self.client.deadline = self.balancer.within(self.balancer.config.connect_timeout * 2)
        self.connecting = self.balancer.run(self._connect(backend))

    async def _connect(self, backend: Backend) -> None:
        try:
            upstream = await connect(self.balancer, backend)
        except NoRoom:
            self.connecting = None
            trouble.fail(self, 503, "too many requests are running")
            return
        except OSError:
            self.connecting = None
            self.balancer.failed(backend)
            self.tried += (backend,)
            trouble.again(self)  # nothing has been sent: any request may go elsewhere
            return
        self.connecting = None
        self.send(upstream)

    # 3. Send the head, and what is there of the body, in one write

    def send(self, upstream: Upstream) -> None:
        self.upstream = upstream
        upstream.exchange = self
        self.client.deadline = self.balancer.answer_due
        upstream.write(self.request.wire + self.first if self.first else self.request.wire)
        if self.upload is not None:
            self.client.go_on()

    def upload_part(self, data: bytes) -> bytes:
        """More of the request's body; returns what comes after it."""
        client, balancer = self.client, self.balancer
        if self.tunnel:
            assert self.upstream is not None
            client.deadline = balancer.within(balancer.config.tunnel_timeout)
            self.upstream.write(data)
            return b""
        assert self.upload is not None
        client.deadline = min(balancer.within(balancer.config.response_timeout), client.deadline + len(data) / SLOWEST)
        try:
            part, rest = self.upload.feed(data)
        except Refused as refused:
            trouble.client_broke(self, refused)
            return b""
        if self.upload.done:
            self.upload = None
        if self.upstream is None:
            self.first += part
            if len(self.first) > MAX_FIRST:
                self.client.hold()
        else:
            self.replays = trouble.MOST_REPLAYS  # what has been passed on is not kept: it cannot be sent again
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
            trouble.backend_broke(self, str(refused))

    def receive(self, data: bytes) -> None:
        upstream, request = self.upstream, self.request
        assert upstream is not None
        if self.held:
            data = self.held + data
        answer = upstream.seen
        if answer is None or not data.startswith(answer.raw) or request.method == b"HEAD":
            data, answer = final_answer(self, data)
            if answer is None:
                self.held = data
                self.usual = False
                return
        if len(data) == answer.whole and request.usual and self.upload is None:
            self.deliver_whole(answer, data)
        else:
            self.usual = False
            self.deliver(answer, data[len(answer.raw) :])

    # 5. Count, before the client can know

    def count(self, answer: Response, pick: Pick) -> None:
        backend = pick.backend
        backend.counts.answered(answer.status, answer.outcome, self.request.session is not None, pick.moved)
        if backend.removed:
            self.balancer.pool.settle(backend)

    # 6. Deliver: what is whole at once; the rest where the head has to be rewritten or the body is still coming

    def deliver_whole(self, answer: Response, data: bytes) -> None:
        """Most answers: one piece, of known length. Steps 5 to 7, without what such an answer has no use for."""
        balancer, client, upstream, pick = self.balancer, self.client, self.upstream, self.pick
        assert pick is not None
        assert upstream is not None
        self.answer = answer
        self.count(answer, pick)
        close = not self.request.keep_alive or balancer.stopping
        if close or pick.set_cookie is not None:
            cookie = b"" if pick.set_cookie is None else b"Set-Cookie: " + pick.set_cookie + b"\r\n"
            end = b"Connection: close\r\n\r\n" if close else b"\r\n"
            data = b"".join((answer.kept, cookie, end, data[len(answer.raw) :]))
        elif not answer.verbatim:
            data = answer.kept + b"\r\n" + data[len(answer.raw) :]
        client.write(data)
        self.upstream = None
        upstream.rest()
        pick.backend.failures = 0
        balancer.left(pick.backend)
        if self.started:
            events.tell(self)
        client.finished(close, False)

    def deliver(self, answer: Response, data: bytes) -> None:
        client, request, pick = self.client, self.request, self.pick
        assert pick is not None
        tunnel = answer.status == 101
        download = None if tunnel else body_of(answer.length, decode=request.minor == 0)
        part, rest = (b"", data) if download is None else download.feed(data)  # if Refused, nobody has got any of it
        self.answer, self.download = answer, download
        self.count(answer, pick)
        if tunnel:
            self.open_tunnel(answer, data)
            return
        busy = self.upload is not None or self.balancer.stopping
        head, self.closing = final_head(answer, request, pick.set_cookie, busy, self.balancer.dates.line())
        client.write(head + part)
        self.delivered(head, rest)

    def deliver_part(self, data: bytes) -> None:
        if self.tunnel:
            self.client.deadline = self.balancer.within(self.balancer.config.tunnel_timeout)
            self.client.write(data)
            return
        assert self.download is not None
        part, rest = self.download.feed(data)
        self.client.write(part)
        self.delivered(part, rest)

    def delivered(self, part: bytes, rest: bytes) -> None:
        """This part of the answer has been passed on: nothing, while a chunk's size or the trailer is not whole; `rest`
        is what came after the answer's end."""
        assert self.answer is not None
        assert self.backend is not None
        if self.download is None or self.download.done:
            self.backend.failures = 0
            self.finish(reuse=self.answer.keep_alive and not rest, close=self.closing)
        elif part and not self.client.stuffed:  # or else it is the client's turn to read on
            self.client.deadline = self.balancer.within(self.balancer.config.response_timeout)

    def open_tunnel(self, answer: Response, data: bytes) -> None:
        """Both sides speak another protocol from here on (RFC 9110 section 7.8); we pass bytes."""
        assert self.upstream is not None
        assert self.backend is not None
        self.tunnel = True
        self.backend.failures = 0
        self.client.deadline = self.balancer.within(self.balancer.config.tunnel_timeout)
        self.client.write(answer.kept + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + data)
        self.client.go_on()
        if early := self.client.take_buffer():
            self.upstream.write(early)

    @property
    def framed(self) -> bool:
        """Whether the client knows by itself where the answer ends."""
        bare = UntilClose if self.request.minor else (UntilClose, Chunked)  # HTTP/1.0 gets chunks bare, until the close
        return not isinstance(self.download, bare)

    # 7. Finish

    def finish(self, *, reuse: bool, close: bool, linger: bool = False) -> None:
        """`reuse`: the connection to the backend is at rest; `close`: the client's must end; `linger`: it may be
        sending more than the rest of this request."""
        upstream, backend = self.upstream, self.backend
        if self.connecting is not None:
            self.connecting.cancel()
        if upstream is not None:
            if reuse and self.upload is None:
                upstream.rest()
            else:
                upstream.give_up()
            self.upstream = None
        if backend is not None:
            self.balancer.left(backend)
        if self.started:
            events.tell(self)
        self.client.finished(close, linger or self.upload is not None)
