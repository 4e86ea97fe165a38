"""Servers that are found by a name: they come and go with its addresses, and a DNS that is away takes nobody away.

The resolver is the test's (tests/docker asks a real one); servers stand at several of loopback's addresses.
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections import Counter

import pytest

from balancer.control import Control
from balancer.discovery import Discovery, one_family
from balancer.settings.config import BalancerConfig
from balancer.settings.problems import ConfigError
from servers.control import ControlError
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Rig, get
from tests.faults.addresses import At, Book
from tests.faults.processes import Processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers on all of 127.0.0.0/8")


async def found(start: Start, book: Book, *servers: At, **options: object) -> tuple[Rig, Discovery]:
    """A balancer that knows the name shop.internal, and the port that these servers share."""
    port = 0 if servers else 9
    for server in servers:
        server.port = port
        port = (await server.open()).port
    rig = await start(backend_dns=[f"shop.internal:{port}"], **options)
    rig.servers = {server.host: server for server in servers}
    discovery = Discovery(rig.balancer, Control(rig.balancer, "", asyncio.Event()), book)
    await discovery.begin()
    return rig, discovery


def names(rig: Rig) -> list[str]:
    return [backend.name.rpartition(":")[0] for backend in rig.balancer.pool.backends]


async def served(rig: Rig, requests: int) -> Counter[str]:
    answers = [await rig.ask() for _ in range(requests)]
    assert {answer.status for answer in answers} == {200}
    return Counter(answer.body.decode() for answer in answers)


async def test_each_address_is_a_server_that_comes_and_goes(start: Start) -> None:
    book = Book(shop_internal=["127.0.0.3", "127.0.0.2"])
    rig, discovery = await found(start, book, At("127.0.0.2"), At("127.0.0.3"), At("127.0.0.4"))
    assert names(rig) == ["shop.internal-127.0.0.2", "shop.internal-127.0.0.3"]
    assert await served(rig, 6) == {"127.0.0.2": 3, "127.0.0.3": 3}
    book.names["shop.internal"].append("127.0.0.4")
    await discovery.begin()
    assert await served(rig, 6) == {"127.0.0.2": 2, "127.0.0.3": 2, "127.0.0.4": 2}
    book.names["shop.internal"] = ["127.0.0.4"]
    await discovery.begin()
    assert await served(rig, 4) == {"127.0.0.4": 4}
    assert rig.totals()["errors"] == rig.totals()["retried"] == 0
    assert rig.totals()["requests"] == 16


async def test_a_dns_that_is_away_or_says_nothing_takes_nobody_away(
    start: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    book = Book(shop_internal=["127.0.0.2"])
    rig, discovery = await found(start, book, At("127.0.0.2"))
    book.away = True
    for _ in range(3):
        await discovery.begin()
    book.away, book.names["shop.internal"] = False, []
    await discovery.begin()
    assert await served(rig, 2) == {"127.0.0.2": 2}
    assert capfd.readouterr().err.count("no address is known") == 1, "said once"


async def test_it_begins_without_any_server(start: Start) -> None:
    book = Book()
    rig, discovery = await found(start, book, At("127.0.0.2"))
    assert (await rig.ask()).status == 503
    book.names["shop.internal"] = ["127.0.0.2"]
    await discovery.begin()
    assert await served(rig, 1) == {"127.0.0.2": 1}


async def test_what_runs_on_a_server_that_goes_ends_well(start: Start) -> None:
    server, other = At("127.0.0.2"), At("127.0.0.3")
    book = Book(shop_internal=["127.0.0.2"])
    rig, discovery = await found(start, book, server, other)
    go, began = asyncio.Event(), asyncio.Event()

    async def slow(line) -> None:
        await line.message()
        began.set()
        await go.wait()
        line.send(server.reply(None))
        await line.closed()

    server.script = slow
    line = await rig.connect()
    line.send(get(method="POST"))
    await began.wait()
    book.names["shop.internal"] = ["127.0.0.3"]
    await discovery.begin()
    assert await served(rig, 2) == {"127.0.0.3": 2}
    go.set()
    assert (await line.answer()).body == b"127.0.0.2"


async def test_servers_that_were_named_are_left_alone(start: Start) -> None:
    book = Book(shop_internal=["127.0.0.3"])
    rig, discovery = await found(start, book, At("127.0.0.2"), At("127.0.0.3"))
    control = Control(rig.balancer, "", asyncio.Event())
    await control.add(rig.servers["127.0.0.2"].address.replace("127.0.0.1", "127.0.0.2"), "shop.internal")
    await discovery.begin()
    assert len(rig.balancer.pool.backends) == 2


async def test_one_that_a_look_up_would_bring_back_is_not_removed(start: Start) -> None:
    book = Book(shop_internal=["127.0.0.2"])
    rig, discovery = await found(start, book, At("127.0.0.2"), At("127.0.0.3"))
    control = Control(rig.balancer, "", asyncio.Event())
    port = rig.servers["127.0.0.3"].port
    await control.add(f"127.0.0.3:{port}", "other")
    remove = discovery.lasting(control.remove)
    for name in (f"shop.internal-127.0.0.2:{port}", f"127.0.0.2:{port}"):
        with pytest.raises(ControlError, match=f"was found by --backend-dns shop.internal:{port}, .*: drain it"):
            await remove(name)
    assert await remove("other") == {"in_flight": 0}
    with pytest.raises(ControlError, match="no backend is called 'other'"):
        await remove("other")
    assert names(rig) == ["shop.internal-127.0.0.2"]


async def test_however_many_come_or_go_it_is_one_change(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise thousands would keep requests waiting for seconds: each change looks at all servers anew."""
    book = Book(shop_internal=[])
    rig, discovery = await found(start, book, slow_start=5.0)
    pool, changes = rig.balancer.pool, 0
    changed = pool.changed

    def counted() -> None:
        nonlocal changes
        changes += 1
        changed()

    monkeypatch.setattr(pool, "changed", counted)
    book.names["shop.internal"] = [f"127.0.{n // 250}.{n % 250}" for n in range(1, 2001)]
    await discovery.begin()
    assert (len(pool.available.new), changes) == (2000, 1)
    assert {backend.step for backend in pool.backends} == {1}, "slow starts have begun"
    book.names["shop.internal"] = ["127.0.0.1", "127.9.9.9"]
    await discovery.begin()
    assert changes == 2
    assert names(rig) == ["shop.internal-127.0.0.1", "shop.internal-127.9.9.9"]


async def test_servers_may_have_ipv6_addresses(start: Start) -> None:
    rig, _ = await found(start, Book(shop_internal=["::1"]))
    assert [(b.host, b.addresses) for b in rig.balancer.pool.backends] == [("::1", ("::1",))]


async def test_nothing_changes_while_the_next_balancer_takes_over(start: Start) -> None:
    book = Book(shop_internal=["127.0.0.2"])
    rig, discovery = await found(start, book, At("127.0.0.2"))
    discovery.paused = lambda: True
    book.names["shop.internal"] = ["127.0.0.3"]
    await discovery.begin()
    assert names(rig) == ["shop.internal-127.0.0.2"]


async def test_it_looks_each_interval_until_it_is_ended(start: Start) -> None:
    book = Book(shop_internal=["127.0.0.2"])
    rig, _ = await found(start, book, At("127.0.0.2"), resolve_interval=3.0)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 4:
            raise asyncio.CancelledError

    watching = Discovery(rig.balancer, Control(rig.balancer, "", asyncio.Event()), book, sleep)
    with pytest.raises(asyncio.CancelledError):
        await watching.watch()
    assert (slept, len(book.asked)) == ([3.0] * 4, 4)


def test_a_server_with_two_kinds_of_addresses_is_one_server() -> None:
    assert one_family(["10.0.0.5", "fd00::5", "10.0.0.6"]) == ["10.0.0.5", "10.0.0.6"]
    assert one_family(["fd00::5", "fd00::6"]) == ["fd00::5", "fd00::6"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shop", "looks like NAME:PORT"),
        ("shop:0", "looks like NAME:PORT"),
        ("10.0.0.1:80", "use --backend for it"),
        ("https://shop:443", "without TLS"),
        ("a=shop:80", "without TLS"),
    ],
)
def test_what_is_no_service(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        BalancerConfig(backend_dns=[text])
    assert str(refused.value).startswith("--backend-dns: ")


def test_a_service_that_is_named_twice() -> None:
    with pytest.raises(ConfigError, match=r"SHOP:80\*3 is the same service as shop:80: keep one"):
        BalancerConfig(backend_dns=["shop:80", "shop:81", "SHOP:80*3"])


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_process_finds_servers_by_the_systems_own_resolver(workers: str) -> None:
    """localhost stands for 127.0.0.1: with a server there, the first request is served."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        words = ["--backend-dns", f"localhost:{port}", "--listen", "127.0.0.1:0", "--workers", workers]
        with subprocess.Popen(
            [sys.executable, "-m", "balancer", *words, "--health-path", ""], stdout=subprocess.PIPE, text=True
        ) as balancer:
            assert balancer.stdout is not None
            host, _, own = balancer.stdout.readline().strip().rpartition("//")[2].rpartition(":")
            with socket.create_connection((host, int(own)), 10) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
                server.settimeout(10)
                upstream, _ = server.accept()
                with upstream:
                    assert upstream.recv(4096).startswith(b"GET / HTTP/1.1")
                    upstream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    assert b"200 OK" in client.recv(4096)
            balancer.terminate()
            assert balancer.wait(20) == 0


RESOLVER = """
import os, pathlib, socket
asked = socket.getaddrinfo
def getaddrinfo(host, port, *args, **named):
    if host != "shop.internal":
        return asked(host, port, *args, **named)
    addresses = pathlib.Path(__file__).with_name("addresses").read_text().split()
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]
socket.getaddrinfo = getaddrinfo
"""
"""For a process: a file says what a name stands for."""


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_all_processes_know_who_comes_and_goes(
    workers: str, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = processes.folder / "addresses"
    (processes.folder / "sitecustomize.py").write_text(RESOLVER)
    monkeypatch.setenv("PYTHONPATH", f"{processes.folder}:{os.environ.get('PYTHONPATH', '.')}")
    book.write_text("127.0.0.2")
    first = await At("127.0.0.2").open()
    second = await At("127.0.0.3", first.port).open()
    service = ("--backend-dns", f"shop.internal:{first.port}", "--resolve-interval", "0.1", "--workers", workers)
    _, address = await processes.balancer(options=service)

    async def served_by() -> bytes:
        line = Line(*await asyncio.open_connection(*address))
        answer = await line.ask(get())
        await line.hang_up()
        return answer.body

    async def known() -> list[str]:
        return [row["address"] for row in (await processes.tell("state"))["backends"]]

    assert {await served_by() for _ in range(5)} == {b"127.0.0.2"}
    with pytest.raises(ControlError, match="would be back at the next look-up"):
        await processes.tell("remove", name=f"127.0.0.2:{first.port}")
    book.with_suffix(".new").write_text("127.0.0.3")
    book.with_suffix(".new").rename(book)
    async with asyncio.timeout(20):
        while await known() != [f"127.0.0.3:{first.port}"]:
            pass
        while b"127.0.0.2" in {await served_by() for _ in range(20)}:  # the workers hear of it a moment later
            pass
    assert {await served_by() for _ in range(20)} == {b"127.0.0.3"}
    await first.close()
    await second.close()
