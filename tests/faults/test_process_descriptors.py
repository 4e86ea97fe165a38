"""File descriptors run out: clients are held to what there is room for, and the balancer serves on."""

import asyncio
import os
import resource
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress

import pytest

from tests.balancer.rig import Answer, Line, Server, get
from tests.faults.processes import Processes

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])  # the balancer's own loop is in its process

LIMIT, MOST, BACKENDS = 256, 96, 32
"""Of open files; and what that leaves for clients, and for connections to backends."""
NOTICE = (
    f"balancer: open files are limited: at most {MOST} clients at once, not 10000, and"
    f" {BACKENDS} requests under way (ulimit -Hn)\n"
)


def limited(files: int, kind: str = "") -> tuple[str, ...]:
    return ("sh", "-c", f'ulimit {kind} -n {files}; exec "$@"', "sh")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    opened = await Server(name="a").open()
    yield opened
    await opened.close()


async def connected(address: tuple[str, int]) -> Line:
    return Line(*await asyncio.open_connection(*address))


async def ask(address: tuple[str, int]) -> Answer:
    line = await connected(address)
    answer = await line.ask(get())
    await line.hang_up()
    return answer


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


async def test_clients_are_held_to_what_there_is_room_for(processes: Processes, server: Server) -> None:
    """One too many is told so; 400 too many leave the process room, and those that were there are served."""
    process, address = await processes.balancer(f"a={server.address}", within=limited(LIMIT))
    assert processes.said() == NOTICE
    lines = [await connected(address) for _ in range(MOST)]
    for line in (lines[0], lines[-1]):
        assert (await line.ask(get())).status == 200
    answer = await ask(address)
    assert (answer.status, answer["connection"], answer["retry-after"]) == (503, "close", "1")
    with ExitStack() as stack:
        crowd = [stack.enter_context(socket.create_connection(address)) for _ in range(400)]
        for line in (lines[0], lines[-1]):
            assert (await line.ask(get())).status == 200
        assert descriptors(process.pid) < LIMIT
        del crowd
    for line in lines[1:]:
        await line.hang_up()
    answer = None
    while answer is None or answer.status != 200:  # those that were turned away have their last words for a moment
        with suppress(ConnectionError):  # beyond so many of them nobody is told why
            answer = await ask(address)
    assert (await lines[0].ask(get())).status == 200
    await lines[0].hang_up()
    assert processes.said() == NOTICE


async def test_connections_to_backends_are_held_to_the_rest(processes: Processes) -> None:
    """More requests at once than that: 503 for them, no blame for the backend, and all is well when some are over."""
    go = asyncio.Event()

    async def slow(line: Line) -> None:
        while True:
            await line.message()
            await go.wait()
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    server = await Server(slow, name="a").open()
    options = ("--health-path", "", "--fall", "1")
    _, address = await processes.balancer(f"a={server.address}", options=options, within=limited(LIMIT))
    assert processes.said() == NOTICE, "it has told how many"
    lines = [await connected(address) for _ in range(BACKENDS + 20)]
    for line in lines:
        line.send(get())
    turned_away = [await line.answer() for line in lines[BACKENDS:]]
    assert [answer.status for answer in turned_away] == [503] * 20
    (backend,) = (await processes.tell("state"))["backends"]
    assert (backend["healthy"], backend["errors"], backend["in_flight"]) == (True, 0, BACKENDS)
    go.set()
    assert [(await line.answer()).status for line in lines[:BACKENDS]] == [200] * BACKENDS
    assert (await lines[-1].ask(get())).status == 200
    for line in lines:
        await line.hang_up()
    await server.close()


async def test_when_there_is_really_none_left(processes: Processes, server: Server) -> None:
    """The limit is lowered from outside to what is open, which no plan can foresee: nobody can be accepted. Others are
    answered (503 when it takes a new connection to the backend), nothing spins, no backend is blamed, and whoever waits
    is answered when somebody has left."""
    options = ("--health-interval", "0.1", "--fall", "1", "--rise", "1")
    process, address = await processes.balancer(f"a={server.address}", options=options)
    lines = [await connected(address) for _ in range(8)]
    for line in lines:
        assert (await line.ask(get())).status == 200
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (descriptors(process.pid), before[1]))
    waiting = [await connected(address) for _ in range(4)]
    for line in waiting:
        line.send(get())
    asking = asyncio.ensure_future(processes.tell("state"))
    used = cpu_seconds(process.pid)
    for line in lines * 3:
        assert (await line.ask(get())).status in (200, 503)
    await asyncio.sleep(0.5)  # a time to be measured: what does it cost to wait?
    assert cpu_seconds(process.pid) - used < 0.25
    for line in lines:
        await line.hang_up()
    assert {(await line.answer()).status for line in waiting} <= {200, 503}
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
    assert [(await line.ask(get())).status for line in waiting] == [200] * 4
    (backend,) = (await asking)["backends"]
    assert (backend["healthy"], backend["errors"]) == (True, 0)
    assert {line.partition(";")[0] for line in processes.said().splitlines()} <= {
        "balancer: no file descriptor is left for the control channel or the admin port"
    }
    for line in waiting:
        await line.hang_up()


async def test_the_limit_is_raised_as_far_as_it_may_be(processes: Processes, server: Server) -> None:
    process, address = await processes.balancer(f"a={server.address}", within=limited(64, "-S"))
    soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    assert soft == hard > 64
    lines = [await connected(address) for _ in range(100)]
    assert (await lines[-1].ask(get())).status == 200
    for line in lines:
        await line.hang_up()


async def test_too_few_for_any_client(processes: Processes) -> None:
    process, line = await processes.start(*limited(100), sys.executable, "-m", "balancer")
    assert (await process.wait(), line) == (2, "")
    assert "the limit of 100 open files leaves no room for clients: raise it" in processes.said()
    assert processes.said().count("\n") == 1


async def test_each_worker_has_its_own_room(processes: Processes, server: Server) -> None:
    options = ("--workers", "2", "--max-connections", "100")
    _, address = await processes.balancer(f"a={server.address}", options=options, within=limited(LIMIT))
    assert processes.said() == ""
    lines: list[Line] = []
    answers: list[int] = []
    while 503 not in answers:
        lines.append(await connected(address))
        answers.append((await lines[-1].ask(get())).status)
    workers = (await processes.tell("state"))["workers"]
    assert 50 <= max(worker["connections"] for worker in workers) <= 51
    for line in lines:
        await line.hang_up()


async def test_not_more_clients_than_the_workers_may_have_together(processes: Processes, server: Server) -> None:
    options = ("--workers", "2", "--max-connections", "3")
    _, address = await processes.balancer(f"a={server.address}", options=options)
    lines = [await connected(address) for _ in range(14)]
    answers = [(await line.ask(get())).status for line in lines]
    assert 1 <= answers.count(200) <= 3
    assert answers.count(503) == 14 - answers.count(200)
    for line in lines:
        await line.hang_up()
