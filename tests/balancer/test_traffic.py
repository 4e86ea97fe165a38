"""One process's clients: what goes wrong for one is nobody else's trouble."""

import asyncio
import socket
import struct
from pathlib import Path
from random import Random
from typing import Any

import pytest

from balancer import health, traffic
from balancer.control import Control
from balancer.front import Client
from balancer.health import Checks
from balancer.processes.listening import open_sockets
from balancer.settings.addresses import parse_backend
from balancer.settings.config import BalancerConfig
from balancer.settings.problems import ConfigError
from balancer.state import Balancer
from balancer.traffic import Traffic
from servers.control import ControlError
from tests.balancer.rig import Line, Server, get, ok, until


@pytest.fixture
def told() -> list[Any]:
    """What reaches the loop's exception handler."""
    return []


@pytest.fixture
async def balancer(told: list[Any]) -> Balancer:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
    config = BalancerConfig(listen="127.0.0.1:0", stop_timeout=0.1, health_interval=0.01)
    return Balancer(config, Random(1), b"secret", loop.time)


class FailsOnce:
    """Instead of a sweep."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *_: object) -> None:
        self.calls += 1
        if self.calls == 1:
            raise ZeroDivisionError


async def test_a_sweep_that_fails_is_not_the_last(
    balancer: Balancer, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = FailsOnce()
    monkeypatch.setattr(traffic, "SWEEP", 0.0)
    monkeypatch.setattr(balancer, "sweep", sweep)
    serving = Traffic(balancer, open_sockets("127.0.0.1", 0))
    await serving.start()
    await until(lambda: sweep.calls >= 2)
    assert [type(problem) for problem in told] == [ZeroDivisionError]
    await serving.finish()


async def test_nor_is_one_of_the_health_checks(
    balancer: Balancer, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = FailsOnce()
    monkeypatch.setattr(Checks, "sweep", sweep)
    watching = balancer.run(health.watch(balancer))
    await until(lambda: sweep.calls >= 2)
    assert [type(problem) for problem in told] == [ZeroDivisionError]
    watching.cancel()


async def test_who_was_reset_while_waiting_costs_those_behind_it_nothing(balancer: Balancer) -> None:
    sockets = open_sockets("127.0.0.1", 0)
    serving = Traffic(balancer, sockets)  # not started: whoever connects waits in the queue
    address = sockets[0].getsockname()
    impatient = socket.create_connection(address)
    impatient.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    impatient.close()
    line = Line(*await asyncio.open_connection(*address))
    line.send(get())
    finishing = asyncio.ensure_future(serving.finish())
    assert (await line.answer()).status == 503  # there is no backend
    await finishing
    await line.hang_up()


async def test_authorities_that_cannot_be_read_are_found_before_the_first_client(tmp_path: Path) -> None:
    """Not by the first request to an https:// backend, which nobody would answer."""
    loop = asyncio.get_running_loop()
    config = BalancerConfig(listen="127.0.0.1:0", backend_ca=str(tmp_path / "none.pem"))
    balancer = Balancer(config, Random(1), b"secret", loop.time)
    balancer.pool.add(parse_backend("a=https://127.0.0.1:1"))
    sockets = open_sockets("127.0.0.1", 0)
    with pytest.raises(ConfigError, match=r"none\.pem cannot be read"):
        await Traffic(balancer, sockets).start()
    assert not balancer.tasks
    for sock in sockets:
        sock.close()


async def test_nor_is_such_a_backend_added(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    config = BalancerConfig(listen="127.0.0.1:0", backend_ca=str(tmp_path / "none.pem"))
    balancer = Balancer(config, Random(1), b"secret", loop.time)
    control = Control(balancer, "127.0.0.1:1", asyncio.Event())
    with pytest.raises(ControlError, match=r"none\.pem cannot be read"):
        await control.add("https://127.0.0.1:1")
    assert balancer.pool.backends == []


async def test_a_client_whose_time_limit_fails_costs_no_other_client_its_own(
    balancer: Balancer, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sockets = open_sockets("127.0.0.1", 0)
    serving = Traffic(balancer, sockets)
    await serving.start()
    lines = [Line(*await asyncio.open_connection(*sockets[0].getsockname())) for _ in range(3)]
    await until(lambda: len([client for client in balancer.clients if isinstance(client, Client)]) == 3)
    fails, expire = FailsOnce(), Client.expire

    def first_fails(client: Client) -> None:
        fails()
        expire(client)

    monkeypatch.setattr(Client, "expire", first_fails)
    for client in balancer.clients:
        client.deadline = 0.0
    balancer.sweep()
    assert fails.calls == 3
    assert [type(problem) for problem in told] == [ZeroDivisionError]
    await until(lambda: not balancer.clients)  # the one that failed is gone too: it would fail at every sweep
    await serving.finish()
    for line in lines:
        await line.hang_up()


@pytest.mark.parametrize("begun", [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", b""], ids=["half", "none"])
async def test_whoever_is_out_of_time_still_gets_the_whole_answer_before(balancer: Balancer, begun: bytes) -> None:
    """A reset would throw away what the system has of it for a client that reads slowly."""
    size = 300_000
    go = asyncio.Event()

    async def script(line: Line) -> None:
        await line.message()
        line.send(ok(b"k" * size))
        await line.message()
        line.send(begun)
        await line.flush()
        go.set()
        await line.read(1)

    server = await Server(script).open()
    balancer.pool.add(parse_backend(f"a={server.address}"))
    sockets = open_sockets("127.0.0.1", 0)
    serving = Traffic(balancer, sockets)
    await serving.start()
    loop, slow = asyncio.get_running_loop(), socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.setblocking(False)
    await loop.sock_connect(slow, sockets[0].getsockname())
    await loop.sock_sendall(slow, get("/whole") + get("/late"))
    await asyncio.wait_for(go.wait(), 5)
    await serving.finish()
    heard = b""
    while piece := await loop.sock_recv(slow, 1 << 20):
        heard += piece
    slow.close()
    assert heard.count(b"k" * size) == 1
    assert heard.endswith(b"\r\n\r\nhello" if begun else b"k")
    await until(lambda: not balancer.clients)
    await server.close()


async def echoing(line: Line) -> None:
    await line.message()
    line.send(b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    while data := await line.reader.read(1024):
        line.send(data)


@pytest.mark.parametrize("handed_over", [False, True])
@pytest.mark.parametrize("patience", [1.0, 60.0], ids=["until time is up", "until the client has had enough"])
async def test_tunnels_run_on_when_the_balancer_stops(patience: float, handed_over: bool) -> None:
    config = BalancerConfig(listen="127.0.0.1:0", stop_timeout=patience)
    balancer = Balancer(config, Random(1), b"secret", asyncio.get_running_loop().time)
    server = await Server(echoing).open()
    balancer.pool.add(parse_backend(f"a={server.address}"))
    sockets = open_sockets("127.0.0.1", 0)
    serving = Traffic(balancer, sockets)
    await serving.start()
    line = Line(*await asyncio.open_connection(*sockets[0].getsockname()))
    line.send(get("/", "Connection: Upgrade", "Upgrade: websocket"))
    await line.until(b"\r\n\r\n")
    finishing = asyncio.ensure_future(serving.finish(handed_over=handed_over))
    await until(lambda: balancer._empty is not None)  # everybody has been asked to go
    line.send(b"still here")
    assert await line.read(10) == b"still here"
    if patience > 1.0:
        line.half_close()
    assert await line.rest() == b""
    await asyncio.wait_for(finishing, 5)
    assert balancer.pool.backends[0].in_flight == 0
    await line.hang_up()
    await server.close()
    for sock in sockets:
        sock.close()
