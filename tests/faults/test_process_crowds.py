"""Many at once: a thousand clients arrive together; and the balancer is told to stop while everybody is busy."""

import asyncio
import os
import signal

import pytest

from tests.balancer.rig import Line, Server, get, until
from tests.faults.clients import Crowd, processed
from tests.faults.processes import Processes

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])  # the balancer's own loop is in its processes

MANY = pytest.mark.parametrize("workers", ["1", "2"])


@MANY
async def test_a_thousand_connections_at_once(workers: str, processes: Processes) -> None:
    """All are connected before the first is served (the balancer is stopped for that), and all get their answers."""
    server = await Server(name="a").open()
    process, address = await processes.balancer(f"a={server.address}", options=("--workers", workers))
    stopped = [process.pid, *(worker["pid"] for worker in (await processes.tell("state")).get("workers", []))]
    lines = []
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    for _ in range(1000):
        lines.append(Line(*await asyncio.open_connection(*address)))
        lines[-1].send(get())
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    answers = [await line.answer() for line in lines]
    assert [answer.body for answer in answers if answer.status != 200] == []
    assert (await processes.tell("state"))["totals"]["errors"] == 0
    for line in lines:
        await line.hang_up()
    await server.close()


@MANY
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_stopping_under_load_breaks_no_answer(how: signal.Signals, workers: str, processes: Processes) -> None:
    """Keep-alive clients get `Connection: close` with their last answer; then, and before any answer is begun, they are
    refused. Every POST that was answered was done once, and no other was done."""
    _, backend = await processes.backend("scripted.py")
    process, address = await processes.balancer(backend, options=("--workers", workers))
    crowd = Crowd(address, clients=24, requests=1_000_000, hasty=12)
    playing = asyncio.create_task(crowd.play())
    await until(lambda: crowd.answered > 500)
    process.send_signal(how)
    async with asyncio.timeout(20):
        assert await process.wait() == 0
    crowd.stop()
    await playing
    refused = {what: count for what, count in crowd.failures.items() if "Connect call failed" in what}
    assert dict(crowd.failures) == refused
    assert refused
    done = await processed([backend])
    assert all(done[path] <= 1 for path in crowd.posted)
    del done["/health"]
    assert sum(done.values()) == crowd.answered
    assert processes.said() == ""
