"""Connections on both sides: kept, used again, pipelined, half closed, and ended when they must be."""

import asyncio
import socket

import pytest

from balancer.front import LINGER, MOST_TURNED_AWAY
from balancer.settings.options import OPTIONS
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Message, Rig, Server, get, ok, until


async def test_one_connection_carries_many_requests_on_both_sides(rig: Rig) -> None:
    line = await rig.connect()
    for _ in range(5):
        assert (await line.ask(get())).body == b"ok"
    assert len(rig.servers["a"].lines) == 1
    assert len(rig.balancer.clients) == 1


async def test_clients_one_after_the_other_share_a_connection_to_the_backend(rig: Rig) -> None:
    for _ in range(3):
        await rig.ask()
    assert len(rig.servers["a"].lines) == 1


async def test_clients_at_the_same_time_get_a_connection_each(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.message()
        await asyncio.gather(*waiting)
        line.send(ok())

    server = Server(script)
    waiting: list[asyncio.Future[None]] = [asyncio.get_running_loop().create_future()]
    rig = await start(server)
    lines = [await rig.connect() for _ in range(4)]
    for line in lines:
        line.send(get())
    await until(lambda: len(server.lines) == 4)
    assert rig.backend().in_flight == 4
    waiting[0].set_result(None)
    for line in lines:
        assert (await line.answer()).status == 200
    await rig.settled()
    assert rig.backend().in_flight == 0


async def test_pipelined_requests_are_answered_in_order(start: Start) -> None:
    """Also over several backends, of which the later one would be faster."""
    late = asyncio.Event()

    async def slow(line: Line) -> None:
        while True:
            message = await line.message()
            await late.wait()
            line.send(ok(message.start.encode()))

    async def fast(line: Line) -> None:
        while True:
            message = await line.message()
            line.send(ok(message.start.encode()))

    rig = await start(Server(slow), Server(fast))
    line = await rig.connect()
    line.send(b"".join(get(f"/{n}") for n in range(6)))
    await until(lambda: rig.servers["a"].lines)
    late.set()
    assert [(await line.answer()).body for _ in range(6)] == [b"GET /%d HTTP/1.1" % n for n in range(6)]


@pytest.mark.parametrize("size", [1, 3, 7, 50])
async def test_however_the_bytes_are_cut_the_requests_are_the_same(rig: Rig, size: int) -> None:
    rig.servers["a"].reply = lambda message: ok(message.start.encode() + b"|" + message.body)
    post = get("/p", "Content-Length: 5", method="POST") + b"hello"
    chunked = get("/c", "Transfer-Encoding: chunked", method="POST") + b"5;x=y\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"
    data = get("/g") + post + chunked + b"\r\n" + get("/h")
    line = await rig.connect()
    for at in range(0, len(data), size):
        line.send(data[at : at + size])
        await asyncio.sleep(0)
    bodies = [(await line.answer()).body for _ in range(4)]
    assert bodies == [
        b"GET /g HTTP/1.1|",
        b"POST /p HTTP/1.1|hello",
        b"POST /c HTTP/1.1|5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
        b"GET /h HTTP/1.1|",
    ]


@pytest.mark.parametrize("size", [1, 2, 13])
async def test_however_the_answers_bytes_are_cut_the_answer_is_the_same(start: Start, size: int) -> None:
    answers = [
        ok(b"fixed", "X-One: 1"),
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + ok(b"hinted"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\na\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n",
    ]

    async def script(line: Line) -> None:
        for data in answers:
            await line.message()
            for at in range(0, len(data), size):
                line.send(data[at : at + size])
                await line.flush()
                await asyncio.sleep(0)
        await line.rest()

    rig = await start(Server(script))
    line = await rig.connect()
    assert (await line.ask(get())).body == b"fixed"
    assert (await line.ask(get(), bodyless=True)).status == 103
    assert (await line.answer()).body == b"hinted"
    assert (await line.ask(get())).body == b"abc0123456789"


async def test_connection_close_is_obeyed(rig: Rig) -> None:
    line = await rig.connect()
    answer = await line.ask(get("/", "Connection: close"))
    assert answer["connection"] == "close"
    await line.closed()
    assert "connection" not in rig.servers["a"].heard[0]  # the connection behind is another one, and stays


async def test_the_backends_close_does_not_cost_the_client_its_connection(start: Start) -> None:
    server = Server()
    server.reply = lambda message: ok(b"once", "Connection: close")
    rig = await start(server)
    line = await rig.connect()
    for _ in range(3):
        answer = await line.ask(get())
        assert answer.body == b"once"
        assert "connection" not in answer
    assert len(server.lines) == 3


@pytest.mark.parametrize(
    ("lines", "kept"), [((), False), (("Connection: keep-alive",), True), (("Connection: close",), False)]
)
async def test_http10_clients_keep_it_only_when_they_ask(rig: Rig, lines: tuple[str, ...], kept: bool) -> None:
    line = await rig.connect()
    answer = await line.ask(get("/", *lines, version="1.0"))
    assert answer.body == b"ok"
    assert answer["connection"] == ("keep-alive" if kept else "close")
    if kept:
        assert (await line.ask(get("/", *lines, version="1.0"))).body == b"ok"
    else:
        await line.closed()


async def test_http10_clients_get_a_chunked_answer_without_chunks(start: Start) -> None:
    server = Server()
    server.reply = lambda message: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    rig = await start(server)
    line = await rig.connect()
    line.send(get("/", "Connection: keep-alive", version="1.0"))
    answer = await line.answer()
    assert "transfer-encoding" not in answer
    assert answer["connection"] == "close"
    assert answer.body == b"abcde"


async def test_an_http10_client_without_host_gets_one_for_the_backend(rig: Rig) -> None:
    line = await rig.connect()
    assert (await line.ask(b"GET / HTTP/1.0\r\n\r\n")).status == 200
    heard = rig.servers["a"].heard[0]
    assert heard.start == "GET / HTTP/1.1"
    assert heard["host"] == f"127.0.0.1:{rig.address[1]}"


async def test_a_client_that_half_closes_gets_its_answers(rig: Rig) -> None:
    line = await rig.connect()
    line.send(get("/1") + get("/2"))
    line.half_close()
    assert (await line.answer()).status == 200
    assert (await line.answer()).status == 200
    await line.closed()
    await until(lambda: not rig.balancer.clients)


async def test_half_a_request_behind_a_whole_one_is_not_begun_when_no_more_will_come(start: Start) -> None:
    async def script(line: Line) -> None:
        while True:
            heard.append((await line.message(bodyless=True)).start)
            await go.wait()
            line.send(ok())

    heard: list[str] = []
    go = asyncio.Event()
    rig = await start(Server(script))
    line = await rig.connect()
    line.send(get("/whole") + get("/half", "Content-Length: 10", method="POST") + b"hello")
    line.half_close()
    await until(lambda: heard)
    go.set()
    assert (await line.answer()).status == 200
    await line.closed()
    await until(lambda: not rig.balancer.clients)
    assert heard == ["GET /whole HTTP/1.1"]


async def test_a_client_that_comes_and_goes_without_a_word_leaves_nothing(rig: Rig) -> None:
    line = await rig.connect()
    await until(lambda: rig.balancer.clients)
    await line.hang_up()
    await until(lambda: not rig.balancer.clients)
    assert rig.totals()["requests"] == 0


async def test_a_whole_request_then_gone(start: Start) -> None:
    """The request is given up, and the connection to the backend with it: its answer could be taken for another's."""

    async def script(line: Line) -> None:
        await line.message()
        await line.closed()

    rig = await start(Server(script))
    line = await rig.connect()
    line.send(get())
    await until(lambda: rig.backend().in_flight == 1)
    await until(lambda: rig.servers["a"].lines)
    line.abort()
    await until(lambda: rig.backend().in_flight == 0)
    assert rig.backend().idle == []
    assert rig.backend().healthy


async def test_more_pipelined_than_we_keep_waits_at_the_client(start: Start) -> None:
    """While one request is running, the rest of a long pipeline stays in the sockets, not in our memory."""
    go = asyncio.Event()
    heard: list[Message] = []

    async def script(line: Line) -> None:
        while True:
            heard.append(await line.message())
            await go.wait()
            line.send(ok())

    rig = await start(Server(script))
    line = await rig.connect()
    count = 20_000
    pipeline = get("/", "X-Fill: " + "x" * 1000) * count
    line.send(pipeline)
    await until(lambda: heard)
    (client,) = rig.balancer.clients
    await until(lambda: client._held)
    held = len(client._buffer)
    assert held < 1_000_000 < len(pipeline)
    go.set()
    for _ in range(1000):
        assert (await line.answer()).status == 200
    assert len(client._buffer) < 1_000_000


async def test_an_answer_to_nothing_ends_the_connection_to_the_backend(start: Start) -> None:
    """Nobody asked: the next client must not get it (response smuggling)."""
    server = Server()
    server.reply = lambda message: ok(b"one") + ok(b"poison")
    rig = await start(server)
    assert (await rig.ask()).body == b"one"
    server.reply = lambda message: ok(b"two")
    assert (await rig.ask()).body == b"two"
    assert len(server.lines) == 2


async def test_too_many_clients_get_503(start: Start) -> None:
    rig = await start(Server(), max_connections=2)
    first, second = await rig.connect(), await rig.connect()
    assert (await first.ask(get())).status == 200
    assert (await second.ask(get())).status == 200
    third = await rig.connect()
    refused = await third.answer()
    assert refused.status == 503
    assert refused["retry-after"]
    await third.closed()
    await third.hang_up()
    await first.hang_up()
    await until(lambda: len(rig.balancer.clients) == 1)
    assert (await rig.ask()).status == 200


async def test_clients_beyond_the_limit_are_counted_be_they_told_or_reset(start: Start) -> None:
    rig = await start(Server(), max_connections=2)
    lines = [await rig.connect() for _ in range(2 + MOST_TURNED_AWAY)]
    await until(lambda: len(rig.balancer.clients) == len(lines))
    for _ in range(10):
        with pytest.raises(ConnectionError):
            await (await rig.connect()).rest()
    for line in lines[2:]:
        assert (await line.answer()).status == 503
    assert rig.balancer.turned_away == {"too many connections": MOST_TURNED_AWAY + 10}
    assert rig.totals()["statuses"] == {"5xx": MOST_TURNED_AWAY}
    assert rig.totals()["errors"] == 0, "a connection that came to nothing is no request that failed"
    assert f"{MOST_TURNED_AWAY} more at a time get 503" in OPTIONS["max_connections"][1]


async def test_what_the_system_still_holds_is_delivered_after_lingering(start: Start) -> None:
    """A client that reads late, behind a request that was refused: it gets all of the answer before that, and why."""
    server = Server()
    server.reply = lambda message: ok(b"x" * 400_000)
    rig = await start(server)
    loop, late = asyncio.get_running_loop(), socket.socket()
    late.setblocking(False)
    await loop.sock_connect(late, rig.address)
    await loop.sock_sendall(late, get() + b"GET / HTTP/1.1\r\n\r\n")
    await until(lambda: [client for client in rig.balancer.clients if client._lingering])
    (client,) = rig.balancer.clients
    await until(lambda: client.transport.get_write_buffer_size() == 0)
    rig.pass_time(LINGER + 1)
    await until(lambda: not rig.balancer.clients)
    heard = b""
    while piece := await loop.sock_recv(late, 1 << 20):
        heard += piece
    late.close()
    assert heard.count(b"x" * 400_000) == 1
    assert b"400 Bad Request: no Host" in heard
