"""Bodies: passed on as they come, in bounded memory both ways, and ended exactly where they end."""

import asyncio

import pytest

from balancer.front import Client
from balancer.upstream import Upstream
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Rig, Server, get, ok, turns, until

BIG = 32 * 1024 * 1024
MOST_KEPT = 2 * 1024 * 1024
"""Bytes that may be on their way inside the balancer, its socket buffers included."""
BLOCK = b"x" * 65536


async def test_a_request_body_goes_on_before_it_is_whole(start: Start) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def script(line: Line) -> None:
        await line.until(b"\r\n\r\n")
        for count in (3, 4):
            heard.put_nowait(await line.read(count))
        line.send(ok())

    rig = await start(Server(script))
    line = await rig.connect()
    line.send(get("/", "Content-Length: 7", method="POST") + b"abc")
    assert await heard.get() == b"abc"
    line.send(b"defg")
    assert await heard.get() == b"defg"
    assert (await line.answer()).status == 200


async def test_an_answer_goes_on_before_it_is_whole(start: Start) -> None:
    go = asyncio.Event()

    async def script(line: Line) -> None:
        await line.message()
        line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await go.wait()
        line.send(b"1\r\nd\r\n0\r\n\r\n")
        await line.rest()

    rig = await start(Server(script))
    line = await rig.connect()
    line.send(get())
    assert (await line.until(b"abc\r\n")).endswith(b"\r\n\r\n3\r\nabc\r\n")
    go.set()
    assert await line.until(b"0\r\n\r\n") == b"1\r\nd\r\n0\r\n\r\n"


async def test_both_bodies_at_the_same_time(start: Start) -> None:
    """A backend that answers while it still reads: each byte is echoed before the next is sent."""

    async def script(line: Line) -> None:
        await line.until(b"\r\n\r\n")
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        for _ in range(5):
            line.send(await line.read(1))

    rig = await start(Server(script))
    line = await rig.connect()
    line.send(get("/", "Content-Length: 5", method="POST"))
    await line.until(b"\r\n\r\n")
    for byte in (b"h", b"e", b"l", b"l", b"o"):
        line.send(byte)
        assert await line.read(1) == byte


async def test_a_slow_client_holds_the_backend_up(start: Start) -> None:
    sent = 0

    async def script(line: Line) -> None:
        nonlocal sent
        await line.message()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG)
        while sent < BIG:
            line.send(BLOCK)
            await line.flush()
            sent += len(BLOCK)

    rig = await start(Server(script))
    line = await rig.connect(limit=1024)
    line.send(get())
    await line.until(b"\r\n\r\n")
    (client,) = rig.balancer.clients
    kept = watched(client)
    await until(lambda: client.stuffed and client.exchange.upstream._paused)
    await turns()  # the sockets fill up, and then nothing moves
    before = sent
    assert before < BIG // 2
    await turns()
    assert sent == before
    assert await drained(line) == BIG
    assert 0 < max(kept) < MOST_KEPT


async def test_a_slow_backend_holds_the_client_up(start: Start) -> None:
    go = asyncio.Event()
    got = 0

    async def script(line: Line) -> None:
        nonlocal got
        await line.until(b"\r\n\r\n")
        await go.wait()
        while got < BIG:
            got += len(await line.reader.read(1 << 18))
        line.send(ok())

    server = Server(script)
    server.limit = 1024
    rig = await start(server)
    line = await rig.connect()
    line.send(get("/", f"Content-Length: {BIG}", method="POST"))
    uploading = asyncio.create_task(upload(line, BIG))
    await until(lambda: rig.balancer.upstreams)
    (client,) = rig.balancer.clients
    await until(lambda: client._held)
    (upstream,) = rig.balancer.upstreams
    kept = watched(upstream)
    await turns()
    assert client._held
    assert not uploading.done()
    go.set()
    await uploading
    assert (await line.answer()).status == 200
    assert got == BIG
    assert 0 < max(kept) < MOST_KEPT


async def test_a_slow_client_does_not_stop_the_next_user_of_the_connection(start: Start) -> None:
    """The answer is complete while the client is still reading: the connection behind goes on with somebody else."""
    server = Server()
    server.reply = lambda message: ok(b"y" * 4_000_000)
    rig = await start(server)
    slow = await rig.connect(limit=1024)
    slow.send(get())
    await slow.until(b"\r\n\r\n")
    assert len((await rig.ask()).body) == 4_000_000
    assert len((await rig.ask()).body) == 4_000_000
    assert await drained(slow, 4_000_000) == 4_000_000
    assert (await slow.ask(get())).status == 200


async def test_a_client_that_pipelines_and_never_reads_is_answered_only_so_far(start: Start) -> None:
    server = Server()
    server.reply = lambda message: ok(BLOCK)
    rig = await start(server)
    line = await rig.connect(limit=1024)
    line.send(get() * 1000)
    await until(lambda: rig.balancer.clients)
    (client,) = rig.balancer.clients
    await until(lambda: client.stuffed and client.exchange is None)
    await turns()
    before = len(server.heard)
    await turns()
    assert len(server.heard) == before
    assert client.transport.get_write_buffer_size() < MOST_KEPT
    assert before < 500
    for _ in range(1000):
        head = await line.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        await line.read(len(BLOCK))


def watched(end: Client | Upstream) -> list[int]:
    """What has been written to it and waits to be sent: as of now, and after each write from now on."""
    write, kept = end.write, [end.transport.get_write_buffer_size()]

    def write_and_look(data: bytes) -> None:
        write(data)
        kept.append(end.transport.get_write_buffer_size())

    end.write = write_and_look
    return kept


async def drained(line: Line, size: int = BIG) -> int:
    """Read so many bytes, or as many as come."""
    count = 0
    async with asyncio.timeout(20):
        while count < size and (data := await line.reader.read(min(1 << 20, size - count))):
            count += len(data)
    return count


async def upload(line: Line, size: int) -> None:
    for _ in range(size // len(BLOCK)):
        line.send(BLOCK)
        await line.writer.drain()


@pytest.mark.parametrize("coding", ["Content-Length: 3000000", "Transfer-Encoding: chunked"])
async def test_big_bodies_arrive_as_they_were(rig: Rig, coding: str) -> None:
    content = bytes(range(256)) * 12000
    content = content[:3_000_000]
    body = content if "Length" in coding else b"".join(chunked(content, 70_001)) + b"0\r\n\r\n"
    rig.servers["a"].reply = lambda message: ok(message.body)
    answer = await rig.ask(get("/", coding, method="PUT") + body)
    assert answer.body == body


def chunked(content: bytes, size: int) -> list[bytes]:
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    return [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]


@pytest.mark.parametrize("coding", ["Content-Length: 0", "Transfer-Encoding: chunked"])
async def test_empty_bodies_are_bodies(rig: Rig, coding: str) -> None:
    line = await rig.connect()
    body = b"" if "Length" in coding else b"0\r\n\r\n"
    for _ in range(2):
        assert (await line.ask(get("/", coding, method="POST") + body)).status == 200
    assert [message.body for message in rig.servers["a"].heard] == [body, body]


async def test_trailers_go_on_both_ways(start: Start) -> None:
    server = Server()
    server.reply = lambda message: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1\r\na\r\n0\r\nX-Sum: 42\r\n\r\n"
    )
    rig = await start(server)
    line = await rig.connect()
    line.send(
        get("/", "Transfer-Encoding: chunked", method="POST") + b"1\r\nb\r\n0\r\nX-Check: 7\r\nHost: evil\r\n\r\n"
    )
    assert (await line.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
    assert await line.until(b"\r\n\r\n") == b"1\r\na\r\n0\r\nX-Sum: 42\r\n\r\n"
    assert server.heard[0].body == b"1\r\nb\r\n0\r\nX-Check: 7\r\n\r\n"  # a trailer must not pose as a header


async def test_an_answer_until_close(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.message()
        line.send(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nall ")
        await line.flush()
        line.send(b"of it")

    rig = await start(Server(script))
    line = await rig.connect()
    answer = await line.ask(get())
    assert answer.raw.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer["connection"] == "close"
    assert answer.body == b"all of it"
    await rig.settled()
    assert rig.backend().counts.errors == 0


async def test_an_answer_until_close_that_breaks_is_not_passed_off_as_whole(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.message()
        line.send(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
        await line.flush()
        await go.wait()
        line.abort()

    go = asyncio.Event()
    rig = await start(Server(script))
    line = await rig.connect()
    line.send(get())
    await line.until(b"half of it")
    go.set()
    with pytest.raises(ConnectionError):
        await line.rest()
    assert rig.backend().counts.errors == 1


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
async def test_head_has_no_body_whatever_its_fields_say(start: Start, framing: str) -> None:
    async def script(line: Line) -> None:
        while True:
            await line.message()
            line.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())

    server = Server(script)
    rig = await start(server)
    line = await rig.connect()
    for _ in range(3):
        answer = await line.ask(get(method="HEAD"), bodyless=True)
        assert answer.status == 200
        if "Length" in framing:
            assert answer["content-length"] == "1000"
    assert len(server.lines) == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_statuses_without_a_body(start: Start, status: str) -> None:
    async def script(line: Line) -> None:
        while True:
            await line.message()
            line.send(f'HTTP/1.1 {status}\r\nETag: "x"\r\n\r\n'.encode())

    server = Server(script)
    rig = await start(server)
    line = await rig.connect()
    for _ in range(3):
        answer = await line.ask(get(), bodyless=True)
        assert f"{answer.status}" == status[:3]
        assert answer["etag"] == '"x"'
    assert len(server.lines) == 1


async def test_get_after_head_of_the_same_page_has_its_body(start: Start) -> None:
    """The same bytes of a head mean a body for GET and none for HEAD: what is remembered must not mix them up."""

    async def honest(line: Line) -> None:
        while True:
            message = await line.message()
            data = ok(b"body")
            line.send(data[:-4] if message.start.startswith("HEAD") else data)

    rig = await start(Server(honest))
    line = await rig.connect()
    for method in ("GET", "HEAD", "GET", "HEAD", "HEAD", "GET"):
        answer = await line.ask(get(method=method), bodyless=method == "HEAD")
        assert answer["content-length"] == "4"
        assert answer.body == (b"" if method == "HEAD" else b"body")
