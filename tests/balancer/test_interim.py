"""1xx answers, Expect, and connections that turn into something else (WebSocket)."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Rig, Server, get, ok, until

UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"
)


async def test_100_continue_comes_from_the_backend_and_then_the_body_goes(start: Start) -> None:
    async def script(line: Line) -> None:
        head = await line.until(b"\r\n\r\n")
        assert b"\r\nexpect: 100-continue\r\n" in head.lower()
        assert line.reader._buffer == b""  # nothing of the body before it is asked for
        line.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        line.send(ok(await line.read(5)))

    rig = await start(Server(script))
    line = await rig.connect()
    asked = get("/", "Expect: 100-continue", "Content-Length: 5", method="POST")
    assert (await line.ask(asked, bodyless=True)).status == 100
    assert (await line.ask(b"hello")).body == b"hello"


async def test_a_final_answer_in_place_of_100_means_keep_your_body(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.until(b"\r\n\r\n")
        line.send(ok(b"no", status="413 Content Too Large"))
        await line.closed()

    rig = await start(Server(script))
    line = await rig.connect()
    answer = await line.ask(get("/", "Expect: 100-continue", "Content-Length: 5", method="POST"))
    assert answer.status == 413
    assert answer["connection"] == "close"  # whether a body follows after all, nobody can know
    await line.closed()


async def test_what_else_is_expected_is_refused(start: Start) -> None:
    rig = await start(Server())
    assert (await rig.ask(get("/", "Expect: the-unexpected"))).status == 417
    assert rig.servers["a"].heard == []


async def test_http10_clients_cannot_expect(start: Start) -> None:
    rig = await start(Server())
    asked = get("/", "Expect: 100-continue", "Content-Length: 2", method="POST", version="1.0") + b"hi"
    assert (await rig.ask(asked)).status == 200
    (heard,) = rig.servers["a"].heard
    assert "expect" not in heard


async def test_103_goes_before_the_answer(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.message()
        line.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
        await go.wait()
        line.send(b"HTTP/1.1 103 Early Hints\r\nLink: </b.css>; rel=preload\r\n\r\n" + ok(b"page"))
        await line.rest()

    go = asyncio.Event()
    rig = await start(Server(script))
    line = await rig.connect()
    first = await line.ask(get(), bodyless=True)
    assert (first.status, first["link"]) == (103, "</a.css>; rel=preload")
    go.set()
    assert (await line.answer(bodyless=True))["link"] == "</b.css>; rel=preload"
    assert (await line.answer()).body == b"page"


async def test_http10_clients_get_no_interim_answers(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.message()
        line.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok(b"page"))

    rig = await start(Server(script))
    assert (await rig.ask(get(version="1.0"))).body == b"page"


async def test_interim_answers_without_end_are_an_error(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.message()
        line.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000)
        await line.closed()

    rig = await start(Server(script))
    line = await rig.connect()
    line.send(get())
    while (answer := await line.answer(bodyless=True)).status == 102:
        pass
    assert answer.status == 502


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_an_interim_answer_earns_new_time_and_a_byte_of_a_head_does_not(start: Start, version: str) -> None:
    async def script(line: Line) -> None:
        await line.message()
        while piece := await pieces.get():
            line.send(piece)
        await line.closed()

    pieces: asyncio.Queue[bytes] = asyncio.Queue()
    rig = await start(Server(script), response_timeout=5.0)
    line = await rig.connect()
    line.send(get(version=version))
    for n in range(1, 5):
        pieces.put_nowait(b"HTTP/1.1 102 Processing\r\n\r\n")
        await until(lambda n=n: [c for c in rig.balancer.clients if c.exchange and c.exchange.interims == n])
        rig.pass_time(4)
        assert rig.backend().in_flight == 1
    for n in range(1, 4):
        pieces.put_nowait(b"HTTP"[n : n + 1] if n > 1 else b"HT")
        await until(lambda n=n: [c for c in rig.balancer.clients if c.exchange and len(c.exchange.held) == n + 1])
        rig.pass_time(0.25)
    rig.pass_time(1)
    while (answer := await line.answer(bodyless=True)).status == 102:
        pass
    assert answer.status == 504
    pieces.put_nowait(b"")


async def test_a_websocket_through_the_balancer(start: Start) -> None:
    """A real server and a real client; also frames larger than any buffer."""

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:
            await socket.send_bytes(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/ws", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = Server()
    server.port = runner.addresses[0][1]
    rig = await start(server)
    url = "http://{}:{}/ws".format(*rig.address)
    async with aiohttp.ClientSession() as http, http.ws_connect(url, max_msg_size=0) as socket:
        for data in (b"hi", b"x" * 3_000_000, b""):
            await socket.send_bytes(data)
            assert await socket.receive_bytes() == data
        assert rig.backend().in_flight == 1
    await until(lambda: rig.backend().in_flight == 0)
    await until(lambda: not rig.balancer.clients)
    assert rig.totals()["statuses"] == {"1xx": 1}
    await runner.cleanup()


async def switching(line: Line) -> None:
    """A backend's part in a tunnel."""
    head = await line.message()
    assert head["upgrade"] == "websocket"
    assert head["connection"].lower() == "upgrade"
    line.send(SWITCH)
    await asyncio.Event().wait()


async def tunnel(rig: Rig, early: bytes = b"") -> tuple[Line, Line]:
    """(the client's end, the backend's end) of an upgraded connection."""
    line = await rig.connect()
    answer = await line.ask(get("/", *UPGRADE) + early, bodyless=True)
    assert answer.status == 101
    assert answer["upgrade"] == "websocket"
    assert answer["connection"].lower() == "upgrade"
    assert answer["sec-websocket-accept"] == "x"
    return line, rig.servers["a"].lines[0]


async def test_bytes_go_both_ways_in_a_tunnel(start: Start) -> None:
    client, backend = await tunnel(await start(Server(switching)), early=b"before the answer|")
    client.send(get("/not a request"))
    assert await backend.read(18) == b"before the answer|"
    assert await backend.until(b"\r\n\r\n") == get("/not a request")
    backend.send(b"HTTP/1.1 not an answer")
    assert await client.read(22) == b"HTTP/1.1 not an answer"


@pytest.mark.parametrize("side", ["client", "backend"])
async def test_a_tunnel_ends_with_either_side(start: Start, side: str) -> None:
    client, backend = await tunnel(await start(Server(switching)))
    ends, other = (client, backend) if side == "client" else (backend, client)
    ends.send(b"last words")
    await ends.flush()
    await ends.hang_up()
    assert await other.read(10) == b"last words"
    await other.closed()


@pytest.mark.parametrize("side", ["client", "backend"])
async def test_a_tunnel_without_a_byte_ends_after_a_while(start: Start, side: str) -> None:
    rig = await start(Server(switching), tunnel_timeout=5.0, idle_timeout=2.0, response_timeout=2.0)
    client, backend = await tunnel(rig)
    speaks, hears = (client, backend) if side == "client" else (backend, client)
    for _ in range(2):
        rig.pass_time(4)
        speaks.send(b"I am here")
        assert await hears.read(9) == b"I am here"
    rig.pass_time(6)
    assert await client.rest() == b""
    await backend.closed()
    assert rig.backend().in_flight == 0


async def test_a_tunnel_has_back_pressure(start: Start) -> None:
    client, backend = await tunnel(await start(Server(switching)))
    size = 32 * 1024 * 1024
    sending = asyncio.create_task(send(backend, size))
    done, _ = await asyncio.wait({sending}, timeout=0.3)
    assert not done  # nobody reads, so it cannot have gone anywhere
    count = 0
    while count < size:
        count += len(await client.reader.read(1 << 20))
    await sending


async def send(line: Line, size: int) -> None:
    for _ in range(size // 65536):
        line.send(b"x" * 65536)
        await line.writer.drain()


async def test_an_upgrade_that_is_declined_is_an_ordinary_answer(start: Start) -> None:
    rig = await start(Server())
    line = await rig.connect()
    assert (await line.ask(get("/", *UPGRADE))).body == b"ok"
    assert (await line.ask(get())).body == b"ok"


@pytest.mark.parametrize(
    "request_",
    [
        get(),  # did not ask
        get("/", "Connection: Upgrade", "Upgrade: h2c"),  # what we do not let through
        get("/", "Upgrade: websocket"),  # Connection does not name it
        get("/", *UPGRADE, method="POST"),
        get("/", *UPGRADE, version="1.0"),
    ],
)
async def test_a_backend_that_switches_unasked_is_not_followed(start: Start, request_: bytes) -> None:
    """Whatever the client sent next would pass unseen: request smuggling."""

    async def script(line: Line) -> None:
        heard = await line.message()
        assert "upgrade" not in heard
        line.send(SWITCH)
        await line.closed()

    rig = await start(Server(script))
    answer = await rig.ask(request_)
    assert answer.status == 502
