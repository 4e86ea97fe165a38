"""Everything at once, drawn from a seed: whatever clients and servers do, each client gets the answers to its own
requests, whole or visibly broken, and when all is over nothing is left in flight."""

import asyncio
import hashlib
import json
import re
from contextlib import suppress
from random import Random

import pytest

from balancer.policies import POLICIES
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Message, Rig, Server, get, until

SERVER_DOES = ("fixed",) * 6 + ("chunked",) * 3 + (
    "pieces", "hints", "until close", "says close", "early",
    "cut in the head", "cut in the body", "hangs up", "nonsense",
)  # fmt: skip
CLIENT_DOES = ("waits",) * 8 + ("goes at once", "goes in the body", "half closes", "reads slowly")


def digest(path: str, body: bytes) -> bytes:
    return hashlib.sha256(path.encode() + b"|" + body).hexdigest().encode()


def content(message: Message) -> bytes:
    """The body without its framing."""
    if "transfer-encoding" not in message:
        return message.body
    data, out = message.body, b""
    while size := int(data[: data.index(b"\r\n")], 16):
        start = data.index(b"\r\n") + 2
        out += data[start : start + size]
        data = data[start + size + 2 :]
    return out


class Moody:
    """A server's script: the request's path says what it does."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng

    async def __call__(self, line: Line) -> None:
        while True:
            head = await line.message(bodyless=True)
            path = head.start.split(" ")[1]
            does = path.rpartition("/")[2].replace("-", " ")
            if does == "early" and not head.start.startswith("HEAD"):
                line.send(
                    b"HTTP/1.1 413 Too Much\r\nConnection: close\r\nContent-Length: 64\r\n\r\n" + digest(path, b"")
                )
                await line.flush()
                await line.rest()
                return
            await self.read_body(line, head)
            answer = digest(path, content(head)) + b"+" * self.rng.choice((0, 0, 10, 100_000))
            if not await self.do(line, does, answer, head.start.startswith("HEAD")):
                return

    async def read_body(self, line: Line, head: Message) -> None:
        if "transfer-encoding" in head:
            _, head.body = await line.chunks()
        elif "content-length" in head:
            head.body = await line.read(int(head["content-length"]))

    async def do(self, line: Line, does: str, body: bytes, bare: bool) -> bool:
        """Answer; whether the connection goes on."""
        fixed = b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: %d\r\n\r\n" % len(body)
        if does == "hangs up":
            return False
        if does == "nonsense":
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
            return False
        if does == "cut in the head":
            line.send(fixed[:20])
            return False
        if does == "hints":
            line.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        if does == "says close":
            fixed = fixed.replace(b"X-A: b", b"Connection: close")
        if does == "until close":
            line.send(b"HTTP/1.1 200 OK\r\n\r\n" + (b"" if bare else body))
            return False
        if does == "chunked":
            line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            if not bare:
                for at in range(0, len(body), 33):
                    piece = body[at : at + 33]
                    line.send(b"%x\r\n%b\r\n" % (len(piece), piece))
                    if at < 330:
                        await line.flush()
                line.send(b"0\r\n\r\n")
            return True
        line.send(fixed)
        if does == "cut in the body" and not bare:
            line.send(body[:-1])
            return False
        for at in range(0, 0 if bare else len(body), 20 if does == "pieces" and len(body) < 200 else len(body)):
            line.send(body[at : at + (20 if does == "pieces" and len(body) < 200 else len(body))])
            await asyncio.sleep(0)
        return does != "says close"


class Visitor:
    """A client that sends a few requests, alone or in a pipeline, and checks what comes back."""

    def __init__(self, rig: Rig, rng: Random, number: int) -> None:
        self.rig = rig
        self.rng = rng
        self.number = number
        self.answered = self.whole = 0

    async def visit(self) -> None:
        line = await self.rig.connect(limit=self.rng.choice((1 << 10, 1 << 20)))
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # broken off, and visibly so
            for turn in range(self.rng.randint(1, 6)):
                if not await self.turn(line, turn):
                    break
        await line.hang_up()

    async def turn(self, line: Line, turn: int) -> bool:
        """One request or a short pipeline; whether the connection goes on."""
        depth = self.rng.choice((1, 1, 1, 3))
        requests = [self.request(f"{turn}.{n}", depth == 1) for n in range(depth)]
        does = self.rng.choice(CLIENT_DOES)
        if not await self.send(line, b"".join(data for data, *_ in requests), does):
            return False
        for _, path, body, head in requests:
            if not await self.receive(line, path, body, head, slowly=does == "reads slowly"):
                return False
        if does == "half closes":
            await line.closed()
        return does != "half closes"

    def request(self, name: str, may_upload: bool) -> tuple[bytes, str, bytes, bool]:
        rng = self.rng
        does = rng.choice(SERVER_DOES).replace(" ", "-")
        path = f"/{self.number}/{name}/{does}"
        method = rng.choice(("GET", "GET", "POST", "PUT", "HEAD"))
        cookie = f"Cookie: session_id=s{rng.randint(1, 5)}"
        if method in ("GET", "HEAD"):
            return get(path, cookie, method=method), path, b"", method == "HEAD"
        body = rng.randbytes(rng.choice((0, 10, 3000, 200_000 if may_upload else 1)))
        if rng.random() < 0.5:
            return get(path, cookie, f"Content-Length: {len(body)}", method=method) + body, path, body, False
        size = rng.choice((7, 1000, 100_000)) if len(body) <= 3000 else 9000
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
        return get(path, cookie, "Transfer-Encoding: chunked", method=method) + framed, path, body, False

    async def send(self, line: Line, data: bytes, does: str) -> bool:
        """Whether the client stays for its answers."""
        step = self.rng.choice((len(data), len(data), max(1, len(data) // 7), 50_000))
        end = len(data) // 2 if does == "goes in the body" else len(data)
        for at in range(0, end, step):
            line.send(data[at : min(end, at + step)])
            await asyncio.sleep(0)
        if does == "goes in the body" or does == "goes at once":
            if self.rng.random() < 0.5:
                line.abort()
            else:
                await line.hang_up()
            return False
        if does == "half closes":
            line.half_close()
        return True

    async def receive(self, line: Line, path: str, body: bytes, head: bool, slowly: bool) -> bool:
        """Whether the connection goes on."""
        if slowly:
            for _ in range(20):
                await asyncio.sleep(0)
        answer = await line.answer(bodyless=True)
        while answer.status == 103:
            answer = await line.answer(bodyless=True)
        goes_on = answer.all("connection") != ["close"]
        self.answered += 1
        if head:
            return goes_on
        if "transfer-encoding" in answer:
            answer.body, _ = await line.chunks()
        elif "content-length" in answer:
            answer.body = await line.read(int(answer["content-length"]))
        else:
            answer.body = await line.rest()
            assert not goes_on
        if answer.status == 200:
            assert answer.body.rstrip(b"+") == digest(path, body)
            assert not re.search("cut|nonsense|hangs", path)
            self.whole += 1
        elif answer.status == 413:
            assert answer.body == digest(path, b"")
        else:
            assert answer.status in (502, 503), answer
        return goes_on


async def operate(rig: Rig, rng: Random) -> None:
    """Change everything that can be changed while it runs."""
    balancer, pool = rig.balancer, rig.balancer.pool
    spare = pool.backends[-1]
    while True:
        await asyncio.sleep(0.003)
        choice = rng.randrange(5)
        if choice == 0:
            balancer.use_policy(rng.choice(list(POLICIES)))
        elif choice == 1:
            for backend in pool.backends:
                backend.draining = False
            rng.choice(pool.backends).draining = True
            pool.changed()
        elif choice == 2 and spare.removed:
            spare.removed = False
            pool.add(spare)
        elif choice == 3 and not spare.removed:
            balancer.remove(spare)
        for backend in pool.backends:
            balancer.set_health(backend, True)
        rig.pass_time(0.01)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_answers_are_the_right_ones_and_nothing_is_left(start: Start, seed: int) -> None:
    rng = Random(seed)
    rig = await start(*[Server(Moody(Random(seed * 10 + n))) for n in range(4)], fall=3)
    balancer = rig.balancer
    feed = balancer.feed.subscribe()
    operating = asyncio.create_task(operate(rig, Random(seed)))
    visitors = [Visitor(rig, Random(rng.random()), number) for number in range(80)]
    await asyncio.gather(*(visitor.visit() for visitor in visitors))
    operating.cancel()
    await until(lambda: not balancer.clients)
    await until(lambda: not balancer.tasks)
    assert sum(visitor.whole for visitor in visitors) > 40
    assert all(backend.in_flight == 0 for backend in balancer.pool.backends)
    assert balancer.in_flight_of == {}
    idle = {upstream for backend in balancer.pool.backends for upstream in backend.idle}
    await until(lambda: {u for u in balancer.upstreams if not u.transport.is_closing()} == idle)
    assert all(upstream.exchange is None for upstream in idle)
    (subscriber,) = balancer.feed.subscribers
    told = [event for event in map(json.loads, subscriber._waiting) if event["kind"] == "request"]
    answered = [event for event in told if event["status"] is not None]
    assert len(answered) == rig.totals()["requests"]
    assert len(answered) >= sum(visitor.answered for visitor in visitors)
    await feed.aclose()
