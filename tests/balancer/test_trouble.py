"""What can go wrong with a request, by who fails: the backend, the clock, the client; and what may be sent again."""

import asyncio
import socket
from contextlib import suppress

import pytest

from balancer.upstream import Upstream, connect
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Rig, Server, get, ok, turns, until

POST = get("/", "Content-Length: 4", method="POST") + b"body"


async def gone() -> Server:
    """A server whose address refuses connections."""
    server = await Server().open()
    await server.close()
    return server


async def hang_up_at_once(line: Line) -> None:
    await line.message()


async def silence(line: Line) -> None:
    await line.message()
    await line.closed()


# Nobody is there


async def test_a_connection_that_ends_as_soon_as_it_is_made_is_one_less(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Upstream.connection_made

    def ended(upstream: Upstream, transport: asyncio.BaseTransport) -> None:
        made(upstream, transport)
        upstream.transport.abort()

    monkeypatch.setattr(Upstream, "connection_made", ended)
    with pytest.raises(ConnectionResetError):
        await connect(rig.balancer, rig.backend())
    await until(lambda: not rig.balancer.upstreams)


async def test_without_a_backend_503_says_when_to_come_back(start: Start) -> None:
    rig = await start()
    line = await rig.connect()
    for _ in range(2):
        answer = await line.ask(get())
        assert answer.status == 503
        assert int(answer["retry-after"]) > 0
    assert rig.totals()["statuses"] == {"5xx": 2}
    assert rig.totals()["errors"] == 2


async def test_our_own_answer_to_head_has_no_body(start: Start) -> None:
    rig = await start()
    line = await rig.connect()
    for _ in range(2):
        assert (await line.ask(get(method="HEAD"), bodyless=True)).status == 503


async def test_503_to_an_upload_reaches_the_client(start: Start) -> None:
    """It is still sending: a reset would cost it the answer."""
    rig = await start()
    line = await rig.connect()
    line.send(get("/", "Content-Length: 1000000", method="POST") + b"x" * 500_000)
    answer = await line.answer()
    assert answer.status == 503
    assert answer["connection"] == "close"
    line.send(b"x" * 500_000)
    await line.closed()


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
async def test_a_refused_connection_goes_elsewhere_whatever_the_method(start: Start, method: str) -> None:
    rig = await start(await gone(), Server(name="b"))
    answer = await rig.ask(get("/", "Content-Length: 4", method=method) + b"body")
    assert answer.body == b"b"
    assert [message.body for message in rig.servers["b"].heard] == [b"body"]
    assert rig.totals()["retried"] == 1
    assert rig.totals()["requests"] == 1
    assert rig.backend("a").in_flight == rig.backend("b").in_flight == 0


async def test_any_number_of_dead_servers_is_passed_over(start: Start) -> None:
    rig = await start(*[await gone() for _ in range(7)], Server(), fall=99)
    for _ in range(3):
        assert (await rig.ask(POST)).status == 200
    assert len(rig.servers["h"].heard) == 3
    assert rig.totals()["retried"] == sum(rig.backend(name).counts.errors for name in "abcdefg") > 0


async def test_an_upload_that_arrives_during_the_second_attempt_is_whole(start: Start) -> None:
    rig = await start(await gone(), await gone(), Server())
    line = await rig.connect()
    content = bytes(range(256)) * 4000
    line.send(get("/", f"Content-Length: {len(content)}", method="POST"))
    for at in range(0, len(content), 9999):
        line.send(content[at : at + 9999])
        await asyncio.sleep(0)
    assert (await line.answer()).status == 200
    assert [message.body for message in rig.servers["c"].heard] == [content]


async def test_when_all_refuse_it_is_502(start: Start) -> None:
    rig = await start(await gone(), await gone(), fall=99)
    line = await rig.connect()
    assert (await line.ask(get())).status == 502
    assert (await line.ask(POST)).status == 502  # and the client may go on
    assert rig.totals()["requests"] == 2


# The connection is lost


async def test_a_rested_connection_that_was_closed_costs_nothing(start: Start) -> None:
    """It closed while the request was on its way: the request is sent once more, on a new connection."""
    first = True

    async def script(line: Line) -> None:
        nonlocal first
        await line.message()
        line.send(ok(b"first"))
        if first:
            first = False
            await line.message()  # reads the next request, and closes without a word
            return
        await line.rest()

    rig = await start(Server(script))
    line = await rig.connect()
    assert (await line.ask(get())).body == b"first"
    assert (await line.ask(get())).body == b"first"
    assert rig.totals()["retried"] == 1
    assert rig.totals()["errors"] == 0
    assert rig.backend().healthy


async def test_a_post_is_not_sent_twice(start: Start) -> None:
    heard = []

    async def script(line: Line) -> None:
        heard.append(await line.message())
        if len(heard) == 1:
            line.send(ok())
            heard.append(await line.message())

    rig = await start(Server(script), Server())
    rig.balancer.pool.remove(rig.backend("b"))
    line = await rig.connect()
    assert (await line.ask(get())).status == 200
    assert (await line.ask(POST)).status == 502
    assert len(heard) == 2
    assert rig.servers["b"].heard == []
    assert rig.totals()["errors"] == 1


async def test_a_post_does_not_trust_a_connection_that_is_closed_already(start: Start) -> None:
    """The system knows, though we have not been told: no 502 for that."""
    closed = asyncio.Event()

    async def script(line: Line) -> None:
        await line.message()
        line.send(ok(b"1"))
        await line.flush()
        line.writer.close()
        await line.writer.wait_closed()
        closed.set()

    rig = await start(Server(script))
    line = await rig.connect()
    for _ in range(20):
        assert (await line.ask(POST)).body == b"1"


async def test_a_lost_get_goes_to_another_server(start: Start) -> None:
    rig = await start(Server(hang_up_at_once), Server(name="b"))
    assert (await rig.ask()).body == b"b"
    assert rig.backend("a").counts.errors == 1
    assert rig.totals()["retried"] == 1


@pytest.mark.parametrize(("servers", "again"), [(1, 0), (2, 1), (3, 2), (4, 2)])
async def test_only_what_was_tried_again_is_counted_as_such(start: Start, servers: int, again: int) -> None:
    rig = await start(*[Server(hang_up_at_once) for _ in range(servers)], fall=99)
    assert (await rig.ask()).status == 502
    assert sum(len(server.lines) for server in rig.servers.values()) == 1 + again
    assert rig.totals()["retried"] == again


async def test_a_get_that_kills_servers_does_not_kill_them_all(start: Start) -> None:
    servers = [Server(hang_up_at_once) for _ in range(8)]
    rig = await start(*servers, fall=99)
    assert (await rig.ask()).status == 502
    assert sum(len(server.lines) for server in servers) == 3


async def test_an_idempotent_upload_that_was_passed_on_in_parts_is_not_sent_again(start: Start) -> None:
    """Its beginning is not kept, so it cannot be."""

    async def script(line: Line) -> None:
        await line.until(b"\r\n\r\n")
        await line.read(8)

    rig = await start(Server(script), Server())
    line = await rig.connect()
    line.send(get("/", "Content-Length: 12", method="PUT") + b"1234")
    await until(lambda: rig.balancer.upstreams)
    line.send(b"5678")
    answer = await line.answer()
    assert answer.status == 502
    assert rig.servers["b"].heard == []


async def test_an_answer_begun_is_not_begun_again(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.message()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        await line.flush()

    rig = await start(Server(script), Server())
    assert (await rig.ask()).status == 502
    assert rig.servers["b"].heard == []


@pytest.mark.parametrize(
    "framing", ["Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"]
)
async def test_half_an_answer_is_never_passed_off_as_whole(start: Start, framing: str) -> None:
    async def script(line: Line) -> None:
        await line.message()
        line.send(f"HTTP/1.1 200 OK\r\n{framing}".encode())
        await line.flush()
        await go.wait()

    go = asyncio.Event()
    rig = await start(Server(script))
    line = await rig.connect()
    line.send(get())
    answered = await line.until(b"hello")
    go.set()
    assert b"0\r\n\r\n" not in answered + await line.rest()  # an orderly end, and a length that is not reached
    assert rig.backend().counts.errors == 1
    assert rig.backend().in_flight == 0


async def test_half_an_answer_costs_no_client_the_whole_one_before_it(start: Start) -> None:
    """A reset would throw away what is on its way: the client reads slowly, and has sent more than it was told to."""
    size = 300_000

    async def script(line: Line) -> None:
        await line.message()
        line.send(ok(b"k" * size))
        await line.message()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")

    rig = await start(Server(script))
    line = await rig.connect(limit=1 << 10)
    line.send(get("/whole") + get("/half") + get("/never"))
    await until(lambda: rig.backend().counts.errors == 1)
    line.send(get("/later"))
    answers = await line.rest()
    assert answers.count(b"k" * size) == 1
    assert answers.endswith(b"\r\n\r\nhello")


async def test_an_early_answer_on_its_way_arrives_though_the_upload_goes_wrong(start: Start) -> None:
    size = 300_000

    async def script(line: Line) -> None:
        await line.until(b"\r\n\r\n")
        line.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size + 1}\r\n\r\n".encode() + b"k" * size)
        with suppress(ConnectionError):
            await line.rest()

    rig = await start(Server(script))
    line = await rig.connect(limit=1 << 10)
    line.send(get("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n")
    await until(lambda: rig.balancer.clients)
    (client,) = rig.balancer.clients
    await until(lambda: client.exchange is not None and getattr(client.exchange.download, "left", None) == 1)
    line.send(b"no size\r\n")
    await until(lambda: rig.backend().in_flight == 0)
    assert (await line.rest()).count(b"k") == size


# The answer comes before the request is whole


async def test_an_early_answer_reaches_a_client_that_is_still_sending(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.until(b"\r\n\r\n")
        line.send(ok(b"too much", status="413 Content Too Large"))
        await line.flush()
        await line.rest()

    rig = await start(Server(script))
    line = await rig.connect()
    line.send(get("/", "Content-Length: 100000000", method="POST") + b"x" * 300_000)
    answer = await line.answer()
    assert (answer.status, answer.body) == (413, b"too much")
    assert answer["connection"] == "close"
    line.send(b"x" * 300_000)  # read and thrown away
    await line.closed()
    assert rig.backend().idle == []
    assert rig.backend().counts.errors == 0
    assert rig.totals()["statuses"] == {"4xx": 1}


async def test_a_lingering_client_is_not_waited_for_for_ever(start: Start) -> None:
    rig = await start()
    line = await rig.connect()
    line.send(get("/", "Content-Length: 100", method="POST"))
    assert (await line.answer()).status == 503
    assert rig.balancer.clients
    rig.pass_time(10)
    await until(lambda: not rig.balancer.clients)


# The clock


async def test_a_server_that_does_not_answer_is_504(start: Start) -> None:
    rig = await start(Server(silence), response_timeout=5.0)
    line = await rig.connect()
    line.send(get())
    await until(lambda: rig.servers["a"].lines)
    rig.pass_time(4)
    assert rig.backend().in_flight == 1
    rig.pass_time(2)
    assert (await line.answer()).status == 504
    assert rig.backend().in_flight == 0
    assert rig.backend().counts.errors == 1
    assert rig.totals()["retried"] == 0  # it may be doing it: that is not for us to double


async def test_every_byte_of_an_answer_earns_new_time(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.message()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
        for byte in (b"a", b"b", b"c"):
            await go.acquire()
            line.send(byte)
        await line.rest()

    go = asyncio.Semaphore(0)
    rig = await start(Server(script), response_timeout=5.0)
    line = await rig.connect()
    line.send(get())
    await line.until(b"\r\n\r\n")
    for byte in (b"a", b"b", b"c"):
        rig.pass_time(4)
        go.release()
        assert await line.read(1) == byte


async def test_an_answer_that_stops_in_the_middle_is_broken_off(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.message()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        await line.closed()

    rig = await start(Server(script), response_timeout=5.0)
    line = await rig.connect()
    line.send(get())
    await line.until(b"hello")
    rig.pass_time(6)
    assert await line.rest() == b""
    assert rig.backend().counts.errors == 1


async def test_a_head_that_takes_too_long_is_408(start: Start) -> None:
    """Counted from its first byte: one more every now and then buys no time (slow loris)."""
    rig = await start(Server(), head_timeout=5.0)
    line = await rig.connect()
    (client,) = await some(rig)
    for count, byte in enumerate(b"GET / HTTP/1", 1):
        line.send(bytes([byte]))
        await until(lambda count=count: len(client._buffer) == count or client._closing)
        rig.pass_time(0.5)
    assert (await line.answer()).status == 408
    await line.closed()
    assert rig.servers["a"].lines == []


async def test_a_request_body_that_stops_is_408_and_not_the_backends_fault(start: Start) -> None:
    rig = await start(Server(silence), response_timeout=5.0)
    line = await rig.connect()
    line.send(get("/", "Content-Length: 10", method="POST") + b"hello")
    await until(lambda: rig.servers["a"].lines)
    rig.pass_time(6)
    assert (await line.answer()).status == 408
    assert rig.backend().counts.errors == 0
    assert rig.backend().healthy


async def test_a_backend_that_does_not_read_is_504(start: Start) -> None:
    """The client would go on: it is we who hold it up, because of the backend."""

    async def script(line: Line) -> None:
        await asyncio.Event().wait()

    server = Server(script)
    server.limit = 1024
    rig = await start(server, response_timeout=5.0)
    line = await rig.connect()
    sending = asyncio.create_task(send_for_ever(line))
    (client,) = await some(rig)
    await until(lambda: client._held)
    await turns()  # and then nothing moves
    rig.pass_time(6)
    assert (await line.answer()).status == 504
    assert rig.backend().counts.errors == 1
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def some(rig: Rig) -> list[object]:
    await until(lambda: rig.balancer.clients)
    return list(rig.balancer.clients)


async def send_for_ever(line: Line) -> None:
    line.send(get("/", "Content-Length: 1000000000", method="POST"))
    while True:
        line.send(b"x" * 65536)
        await line.writer.drain()


async def test_idle_clients_are_closed(start: Start) -> None:
    rig = await start(Server(), idle_timeout=5.0)
    silent, busy = await rig.connect(), await rig.connect()
    await busy.ask(get())
    rig.pass_time(4)
    await busy.ask(get())
    rig.pass_time(2)
    await silent.closed()
    assert (await busy.ask(get())).status == 200
    rig.pass_time(6)
    await busy.closed()
    await until(lambda: not rig.balancer.clients)


async def test_a_client_that_reads_nothing_is_given_up(start: Start) -> None:
    """And the backend is not blamed."""
    server = Server()
    server.reply = lambda message: ok(b"x" * 30_000_000)
    rig = await start(server, idle_timeout=5.0, response_timeout=5.0)
    line = await rig.connect(limit=1024)
    line.send(get())
    (client,) = await some(rig)
    await until(lambda: client.stuffed)
    await turns()  # and then nothing moves
    rig.pass_time(20)
    await until(lambda: not rig.balancer.clients)
    assert rig.backend().in_flight == 0
    assert rig.backend().counts.errors == 0


async def test_connections_to_backends_are_closed_before_they_get_old(start: Start) -> None:
    rig = await start(Server(), backend_idle_timeout=4.0)
    await rig.ask()
    assert len(rig.backend().idle) == 1
    rig.pass_time(5)
    assert rig.backend().idle == []
    await until(rig.servers["a"].lines[0].reader.at_eof)


async def test_not_more_connections_are_kept_than_allowed(start: Start) -> None:
    rig = await start(Server(), max_idle=2)
    lines = [await rig.connect() for _ in range(6)]
    for line in lines:
        line.send(get())
    for line in lines:
        await line.answer()
    await until(lambda: len(rig.balancer.upstreams) <= 2)
    assert len(rig.backend().idle) <= 2


async def test_a_connection_attempt_without_end_goes_elsewhere(start: Start) -> None:
    """A server that is frozen with a full queue: no refusal, no welcome."""
    with socket.socket() as deaf, socket.socket() as filler:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        filler.connect(deaf.getsockname())
        extra = [socket.socket() for _ in range(4)]
        for more in extra:
            more.setblocking(False)
            more.connect_ex(deaf.getsockname())
        server = Server()
        server.port = deaf.getsockname()[1]
        rig = await start(server, Server(name="b"), connect_timeout=0.1)
        assert (await rig.ask(POST)).body == b"b"
        assert rig.backend("a").counts.errors == 1
        for more in extra:
            more.close()


# The client


@pytest.mark.parametrize("way", ["reset", "close"])
async def test_a_client_that_goes_while_it_uploads_leaves_half_a_request(start: Start, way: str) -> None:
    """The backend must see that it is half: its connection breaks."""

    async def script(line: Line) -> None:
        await line.until(b"\r\n\r\n")
        await line.read(5)
        await line.closed()
        noticed.set()

    noticed = asyncio.Event()
    rig = await start(Server(script))
    line = await rig.connect()
    line.send(get("/", "Content-Length: 10", method="POST") + b"hello")
    await until(lambda: rig.servers["a"].lines)
    if way == "reset":
        line.abort()
    else:
        await line.hang_up()
    await asyncio.wait_for(noticed.wait(), 5)
    await until(lambda: not rig.balancer.clients)
    assert rig.backend().in_flight == 0
    assert rig.backend().counts.errors == 0


async def test_a_client_that_goes_while_it_downloads_stops_the_backend(start: Start) -> None:
    async def script(line: Line) -> None:
        await line.message()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while True:
                line.send(b"x" * 65536)
                await line.flush()
        except ConnectionError:
            noticed.set()

    noticed = asyncio.Event()
    rig = await start(Server(script))
    line = await rig.connect()
    line.send(get())
    await line.until(b"\r\n\r\n")
    await line.hang_up()
    await asyncio.wait_for(noticed.wait(), 5)
    assert rig.backend().in_flight == 0
    assert rig.backend().counts.errors == 0
    assert rig.totals()["requests"] == 1


async def test_a_client_that_goes_while_we_connect_leaves_nothing(start: Start) -> None:
    rig = await start(Server(silence))
    line = await rig.connect()
    line.send(get())
    line.abort()
    await until(lambda: not rig.balancer.clients)
    await until(lambda: not rig.balancer.tasks)
    assert rig.backend().in_flight == 0
    await until(lambda: not rig.balancer.upstreams)
