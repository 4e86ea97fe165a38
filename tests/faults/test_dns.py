"""Backends that are known by a name: several addresses, one that moves, a DNS that is away, wrong or silent.

No real DNS is asked: the resolver is the test's. Loopback has enough addresses (127.0.0.0/8) for a server that moves.
Times are those of the balancer's clock, which the tests move; names are looked up each 10 s.
"""

import asyncio
import errno
import socket
import subprocess
import sys
import threading
from typing import Any

import pytest

from balancer import health
from balancer.control import Control
from balancer.names import Names, system_resolver
from balancer.pool import Backend
from balancer.processes.shared_control import SharedControl
from balancer.processes.workers import Workers
from balancer.settings.addresses import parse_backend
from balancer.settings.problems import ConfigError
from servers.control import ControlError
from tests.balancer.conftest import Start
from tests.balancer.rig import PATIENCE, Rig, Server, get, until
from tests.faults.addresses import At, Book

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers on all of 127.0.0.0/8")


async def named(start: Start, book: Book, *servers: At, **options: object) -> tuple[Rig, Backend]:
    """A balancer whose only backend is shop.internal, at the port that these servers share."""
    rig = await start(**options)
    rig.balancer.names.resolve = book
    port = 0
    for server in servers:
        server.port = port
        port = (await server.open()).port
        rig.servers[server.host] = server
    backend = parse_backend(f"shop=shop.internal:{port}")
    await rig.balancer.names.find([backend])
    rig.balancer.pool.add(backend)
    return rig, backend


async def looked_up(rig: Rig, book: Book, seconds: float = 10.0) -> None:
    """Time passes, and what is looked up then has been answered."""
    rig.pass_time(seconds)
    await until(lambda: not rig.balancer.names._running)


async def ask_once(rig: Rig, method: str = "GET") -> str:
    answer = await rig.ask(get(method=method))
    assert answer.status == 200
    return answer.body.decode()


async def test_no_request_waits_for_a_look_up(start: Start) -> None:
    """Connections are made to the address that is known; the resolver hears of a name once each interval."""
    book = Book(shop_internal=["127.0.0.2"])
    rig, backend = await named(start, book, At("127.0.0.2"))
    book.silent.clear()
    rig.pass_time(10)
    for _ in range(5):
        assert await ask_once(rig) == "127.0.0.2"
        rig.balancer.close_idle(backend)
    rig.pass_time(60)
    assert book.asked == ["shop.internal"] * 2, "the first, and the one that never ends: none is begun beside it"
    book.silent.set()
    await looked_up(rig, book, 0)
    await looked_up(rig, book)
    assert len(book.asked) == 3


async def test_a_server_that_moves(start: Start) -> None:
    """From the look-up on new connections go to the new address, and those at rest at the old one are closed; what
    runs there ends well, and its connection with it. No request fails."""
    old, new = At("127.0.0.2"), At("127.0.0.3")
    book = Book(shop_internal=["127.0.0.2"])
    rig, backend = await named(start, book, old, new)
    assert await ask_once(rig) == "127.0.0.2"
    (rested,) = old.lines
    go = asyncio.Event()

    async def slow(line) -> None:
        await line.message()
        await go.wait()
        line.send(old.reply(None))
        await line.closed()

    old.script = slow
    held = list(backend.idle)
    backend.idle = []  # as if it were at work: the next request needs another connection
    line = await rig.connect()
    line.send(get())
    await until(lambda: len(old.lines) == 2)
    backend.idle = held
    book.names["shop.internal"] = ["127.0.0.3"]
    await looked_up(rig, book)
    await until(rested.reader.at_eof)
    assert [await ask_once(rig, "POST") for _ in range(3)] == ["127.0.0.3"] * 3
    go.set()
    assert (await line.answer()).body == b"127.0.0.2"
    await until(lambda: not [each for each in rig.balancer.upstreams if each.address == "127.0.0.2"])
    assert [await ask_once(rig) for _ in range(3)] == ["127.0.0.3"] * 3
    assert rig.totals()["errors"] == 0


@pytest.mark.parametrize("trouble", ["away", "empty"])
async def test_the_last_known_addresses_outlive_the_dns(start: Start, trouble: str) -> None:
    """An hour without an answer, or with an empty one: every request is served; and it is told once."""
    book = Book(shop_internal=["127.0.0.2"])
    rig, _ = await named(start, book, At("127.0.0.2"))
    told: list[tuple[str, str]] = []
    rig.balancer.mark = lambda what, detail: told.append((what, detail))  # type: ignore[method-assign]
    book.away = trouble == "away"
    book.names["shop.internal"] = []
    for _ in range(360):
        await looked_up(rig, book)
    assert len(book.asked) > 350
    assert await ask_once(rig) == "127.0.0.2"
    assert told == [("unresolved", "shop.internal")]
    book.away = False
    book.names["shop.internal"] = ["127.0.0.3", "127.0.0.2"]
    await looked_up(rig, book)
    assert told[1:] == [("addresses", "shop: 127.0.0.2, 127.0.0.3")], "the one in use goes first"


async def test_the_first_address_refuses(start: Start) -> None:
    """The next one is tried within the same attempt, and remembered: not even the first request fails or is slow."""
    book = Book(shop_internal=["127.0.0.2", "127.0.0.3"])
    rig, backend = await named(start, book, At("127.0.0.3"))
    assert await ask_once(rig, "POST") == "127.0.0.3"
    assert backend.addresses == ("127.0.0.3", "127.0.0.2")
    assert (rig.totals()["errors"], rig.totals()["retried"]) == (0, 0)
    await looked_up(rig, book)
    assert backend.addresses == ("127.0.0.3", "127.0.0.2"), "the same two, so the good one stays the first"


async def test_the_first_address_is_silent(start: Start) -> None:
    """It gets its share of the connect timeout, half of it here, and the other one the rest."""
    with socket.socket() as full:  # its queue is full: the system answers no SYN any more
        full.bind(("127.0.0.2", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        book = Book(shop_internal=["127.0.0.2", "127.0.0.3"])
        server = At("127.0.0.3", full.getsockname()[1])
        rig = await start(connect_timeout=0.4)
        rig.balancer.names.resolve = book
        await server.open()
        rig.servers[server.host] = server
        backend = parse_backend(f"shop=shop.internal:{server.port}")
        await rig.balancer.names.find([backend])
        rig.balancer.pool.add(backend)
        began = asyncio.get_running_loop().time()
        assert await ask_once(rig, "POST") == "127.0.0.3"
        assert asyncio.get_running_loop().time() - began < 2
        assert backend.addresses[0] == "127.0.0.3"
        assert rig.totals()["errors"] == 0
        for filler in fillers:
            filler.close()


async def test_no_address_answers(start: Start) -> None:
    book = Book(shop_internal=["127.0.0.2", "127.0.0.3"])
    rig = await start()
    rig.balancer.names.resolve = book
    with socket.socket() as closed:
        closed.bind(("127.0.0.2", 0))
        backend = parse_backend(f"shop=shop.internal:{closed.getsockname()[1]}")
        await rig.balancer.names.find([backend])
        rig.balancer.pool.add(backend)
        assert (await rig.ask(get(method="POST"))).status == 502
    assert backend.counts.errors == 1, "one attempt, whatever number of addresses"
    assert backend.addresses == ("127.0.0.2", "127.0.0.3")
    assert await health.passes(rig.balancer, backend) is False


async def test_health_checks_go_where_requests_go(start: Start) -> None:
    book = Book(shop_internal=["127.0.0.2", "127.0.0.3"])
    server = At("127.0.0.3")
    rig, backend = await named(start, book, server)
    assert await health.passes(rig.balancer, backend) is True
    assert server.heard[0]["host"] == f"shop.internal:{server.port}"
    assert backend.addresses[0] == "127.0.0.3", "which spares the next request the try"
    assert book.asked == ["shop.internal"]


async def test_a_server_that_is_down_and_comes_back_elsewhere(start: Start) -> None:
    """As soon as the name says so: the next look-up, and then the next check."""
    old, new = At("127.0.0.2"), At("127.0.0.3")
    book = Book(shop_internal=["127.0.0.2"])
    rig, backend = await named(start, book, old, fall=1)
    old.stop_listening()
    await health.check(rig.balancer, backend)
    assert (await rig.ask()).status == 503
    new.port = old.port
    await new.open()
    rig.servers[new.host] = new
    book.names["shop.internal"] = ["127.0.0.3"]
    await looked_up(rig, book)
    await health.check(rig.balancer, backend)
    assert await ask_once(rig) == "127.0.0.3"


async def test_two_backends_of_one_name_cost_one_look_up(start: Start) -> None:
    book = Book(shop_internal=["127.0.0.2"])
    rig = await start()
    rig.balancer.names.resolve = book
    for port in (8001, 8002):
        backend = parse_backend(f"shop.internal:{port}")
        await rig.balancer.names.find([backend])
        rig.balancer.pool.add(backend)
    book.asked.clear()
    book.names["shop.internal"] = ["127.0.0.3"]
    await looked_up(rig, book)
    assert book.asked == ["shop.internal"]
    assert {backend.addresses for backend in rig.balancer.pool.backends} == {("127.0.0.3",)}


async def test_addresses_that_are_written_out_are_not_looked_up(start: Start) -> None:
    book = Book()
    rig = await start(Server())
    rig.balancer.names.resolve = book
    for text in ("127.0.0.1:1", "[::1]:2"):
        backend = parse_backend(text)
        await rig.balancer.names.find([backend])
        assert backend.addresses == (backend.host,)
    await looked_up(rig, book)
    assert book.asked == []


async def test_out_of_descriptors_is_the_fault_of_no_address(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book(shop_internal=["127.0.0.2", "127.0.0.3"])
    rig, backend = await named(start, book, At("127.0.0.2"))
    tried: list[str] = []

    async def too_many(address: str, *_: object, **__: object) -> None:
        tried.append(address)
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(asyncio, "open_connection", too_many)
    assert await health.passes(rig.balancer, backend) is None
    assert tried == ["127.0.0.2"]


# At the start, and at run time


async def test_a_name_that_is_unknown_at_the_start(start: Start) -> None:
    """As HAProxy and nginx have it: a typing error is told at once, not at the first request."""
    rig = await start()
    names = Names(rig.balancer)
    names.resolve = Book()
    with pytest.raises(ConfigError, match=r"backend shop: no address is known for shop\.internal; correct the name"):
        await names.find([parse_backend("shop=shop.internal:80")])
    names.required = False  # a worker: its parent knew it
    await names.find([parse_backend("shop=shop.internal:80")])


async def test_adding_a_name_at_run_time(start: Start) -> None:
    book = Book(shop_internal=["127.0.0.2"])
    rig = await start()
    rig.balancer.names.resolve = book
    control = Control(rig.balancer, "127.0.0.1:1", asyncio.Event())
    with pytest.raises(ControlError, match=r"no address is known for shop\.example"):
        await control.add("shop.example:80")
    assert rig.balancer.pool.backends == []
    await control.add("shop.internal:80", name="shop")
    (state,) = (await control.state())["backends"]
    assert (state["address"], state["addresses"]) == ("shop.internal:80", ["127.0.0.2"])


async def test_a_slow_name_holds_up_neither_other_commands_nor_the_workers(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent looks it up, once; each worker is told what has come of that."""
    book = Book(shop_internal=["127.0.0.2"])
    book.silent.clear()
    rig = await start()
    rig.balancer.names.resolve = book
    workers = Workers(rig.balancer, [], b"secret")
    told: list[tuple[str, dict[str, Any]]] = []

    async def tell(do: str, within: float = 0.0, **arguments: Any) -> list[dict[str, Any]]:
        told.append((do, arguments))
        return []

    monkeypatch.setattr(workers, "tell", tell)
    commands = SharedControl(workers, "127.0.0.1:1", asyncio.Event()).commands
    adding = asyncio.ensure_future(commands["add"](address="shop.internal:80", name="shop"))
    await until(lambda: book.asked)
    async with asyncio.timeout(PATIENCE):
        await commands["policy"](name="random")
    book.silent.set()
    assert await adding == {"name": "shop"}
    assert [do for do, _ in told] == ["policy", "add"]
    worker = await start()
    worker.balancer.names.resolve = book
    await Control(worker.balancer, "127.0.0.1:1", asyncio.Event()).add(**told[1][1])
    assert worker.backend("shop").addresses == rig.backend("shop").addresses == ("127.0.0.2",)
    assert book.asked == ["shop.internal"]


async def test_the_system_knows_this_machine() -> None:
    assert set(await system_resolver("localhost")) <= {"127.0.0.1", "::1"}


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_a_name_that_can_be_none() -> None:
    with pytest.raises(OSError, match="can be no name"):
        await system_resolver("x" * 64 + ".internal")


def test_a_look_up_that_hangs_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """getaddrinfo cannot be interrupted; threads of asyncio's own pool would be waited for."""
    asked, go, over = threading.Event(), threading.Event(), threading.Event()

    def hangs(*_: object, **__: object) -> list[object]:
        asked.set()
        go.wait(PATIENCE)
        over.set()
        return []

    async def begin() -> None:
        looking = asyncio.create_task(system_resolver("shop.internal"))
        await until(asked.is_set)
        looking.cancel()

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    asyncio.run(begin())
    assert not over.is_set()
    go.set()


@pytest.mark.slow
def test_the_process_ends_with_a_line(tmp_path) -> None:
    """Of a name that no DNS has to be asked for: its first part is too long (RFC 1035 section 2.3.4)."""
    name = "x" * 64 + ".internal"
    done = subprocess.run(
        [sys.executable, "-m", "balancer", "--listen", "127.0.0.1:0", "--backend", f"shop={name}:8001"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert f"backend shop: no address is known for {name}" in done.stderr
