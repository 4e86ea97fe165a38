"""Backends that are killed or stopped under load, a balancer that is stopped, and clocks that jump: real processes.

Every request has an ID, which is its path; backends put on record what they do, so that what a killed one did counts.
"""

import asyncio
import signal
import sys
from collections import Counter

import pytest

from tests.balancer.rig import until
from tests.faults.clients import Connection, Crowd
from tests.faults.processes import Processes

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_factories=["asyncio"])]
CLIENTS = 8
FAST = ("--health-interval", "0.3", "--response-timeout", "1")


class Stage(Processes):
    """Two recording backends behind a balancer."""

    async def set_up(self, *options: str) -> tuple[str, int]:
        self.record = self.folder / "record"
        self.record.touch()
        self.two, addresses = {}, []
        for name in ("one", "two"):
            self.two[name], address = await self.backend("scripted.py", "--record", str(self.record))
            addresses.append(f"{name}={address}")
        self.addresses = addresses
        self.process, address = await self.balancer(*addresses, options=(*FAST, *options))
        return address

    async def health(self) -> dict[str, bool]:
        return {backend["name"]: backend["healthy"] for backend in (await self.tell("state"))["backends"]}

    async def until_health(self, **wanted: bool) -> None:
        async with asyncio.timeout(20):
            while await self.health() != wanted:
                pass

    def doubled(self, crowd: Crowd) -> list[str]:
        done = Counter(self.record.read_text().split())
        return [path for path in crowd.posted if done[path] > 1]


async def test_a_backend_that_is_killed() -> None:
    """GETs that fail: 0. POSTs that fail: at most those it was doing, one for each client. Doubled: 0. Taken out by the
    first requests it refuses; back, at the same address, with the first check it passes."""
    async with Stage() as stage:
        crowd = Crowd(await stage.set_up(), CLIENTS, 20_000)
        playing = asyncio.create_task(crowd.play())
        await until(lambda: crowd.answered > 2000)
        stage.two["two"].kill()
        await stage.two["two"].wait()
        await until(lambda: crowd.answered > 4000)
        assert await stage.health() == {"one": True, "two": False}
        port = stage.addresses[1].rpartition(":")[2]
        await stage.backend("scripted.py", "--record", str(stage.record), "--port", port)
        await stage.until_health(one=True, two=True)
        await playing
        assert all(what.startswith("POST: 502") for what in crowd.failures), crowd.failures
        assert crowd.failures.total() <= CLIENTS
        assert stage.doubled(crowd) == []


async def test_a_backend_that_is_stopped_and_goes_on() -> None:
    """SIGSTOP: the system still takes its connections. Fail: at most the requests it had, with 504 after the response
    timeout; a POST among them may be done when it goes on, and is not done twice."""
    async with Stage() as stage:
        crowd = Crowd(await stage.set_up(), CLIENTS, 20_000)
        playing = asyncio.create_task(crowd.play())
        await until(lambda: crowd.answered > 2000)
        stage.two["two"].send_signal(signal.SIGSTOP)
        await stage.until_health(one=True, two=False)
        before = crowd.answered
        await until(lambda: crowd.answered > before + 2000)
        stage.two["two"].send_signal(signal.SIGCONT)
        await stage.until_health(one=True, two=True)
        await playing
        assert all("504" in what for what in crowd.failures), crowd.failures
        assert crowd.failures.total() <= CLIENTS
        assert stage.doubled(crowd) == []
        state = await stage.tell("state")
        assert state["totals"]["errors"] == crowd.failures.total()


async def test_a_balancer_that_is_stopped_and_goes_on() -> None:
    """For longer than every time limit of a request: what has been answered meanwhile is delivered. Failed: 0."""
    async with Stage() as stage:
        crowd = Crowd(await stage.set_up(), CLIENTS, 10_000)
        playing = asyncio.create_task(crowd.play())
        for part in range(1, 4):
            await until(lambda part=part: crowd.answered > 2000 * part)
            stage.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(1.5)  # the fault itself
            stage.process.send_signal(signal.SIGCONT)
        await playing
        assert dict(crowd.failures) == {}
        assert stage.doubled(crowd) == []


JUMPING = """
import itertools, runpy, time
times = itertools.cycle([0.0, 4e9, 1e9, 86400.0, 2e9])
time.time = lambda: next(times)
time.time_ns = lambda: int(next(times) * 1e9)
runpy.run_module("balancer", run_name="__main__")
"""


async def test_a_wall_clock_that_jumps_by_decades() -> None:
    """Back to 1970 and on to 2096 at every look at it: no request fails, no time limit is early or late, no backend
    goes down; the balancer goes by the system's monotonic clock."""
    async with Stage() as stage:
        _, backend = await stage.backend("scripted.py")
        _, line = await stage.start(
            sys.executable, "-c", JUMPING, "--listen", "127.0.0.1:0", "--backend", backend, "--policy", "sticky_cookie",
            "--control", str(stage.control), "--health-interval", "0.1", "--head-timeout", "1",
        )  # fmt: skip
        host, _, port = line.rpartition("/")[2].rpartition(":")
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_connection(host, int(port))
        began = loop.time()
        writer.write(b"GET / HTTP/1.1\r\nHost: never")
        crowd = Crowd((host, int(port)), CLIENTS, 5000)
        await asyncio.create_task(crowd.play())
        assert dict(crowd.failures) == {}
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        assert 1.0 <= loop.time() - began < 4.0
        writer.close()
        connection = Connection((host, int(port)))
        for number in range(100):
            assert await connection.ask("POST", f"/{number}") == b"/%d" % number
        connection.close()
        (described,) = (await stage.tell("state"))["backends"]
        assert (described["healthy"], described["errors"]) == (True, 0)
        assert described["requests"] == 5100
