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
from balancer.health import Checks
from balancer.processes.listening import open_sockets
from balancer.settings.addresses import parse_backend
from balancer.settings.config import BalancerConfig
from balancer.settings.problems import ConfigError
from balancer.state import Balancer
from balancer.traffic import Traffic
from servers.control import ControlError
from tests.balancer.rig import Line, Server, get, until


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
