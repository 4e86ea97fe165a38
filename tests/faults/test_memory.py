"""Slow clients cost bounded memory: the peak of the balancer's process, as the system counts it (VmHWM)."""

import asyncio
import contextlib
import re
import socket
import sys
from pathlib import Path

import pytest

from tests.faults.clients import Connection
from tests.faults.processes import Processes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_factories=["asyncio"]),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
MIB = 1024 * 1024


def peak(pid: int) -> int:
    """The most memory that this process has had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


async def test_readers_that_stop_reading_a_large_answer() -> None:
    """20 clients take 1 MiB of 100 MiB each, and no more: at most 1 MiB is held for each, of 2,000 that could be."""
    async with Processes() as processes:
        _, backend = await processes.backend("large.py", str(100 * MIB))
        balancer, address = await processes.balancer(backend, options=("--health-path", ""))
        before = peak(balancer.pid)
        readers = [await asyncio.open_connection(*address, limit=4096) for _ in range(20)]
        for _, writer in readers:
            writer.write(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
        for reader, _ in readers:
            for _ in range(256):
                await reader.readexactly(4096)
        assert peak(balancer.pid) - before < 20 * MIB
        state = await processes.tell("state")
        assert (state["backends"][0]["in_flight"], state["totals"]["errors"]) == (20, 0)
        for _, writer in readers:
            writer.close()


async def test_uploads_that_a_backend_does_not_take() -> None:
    """20 clients offer 100 MiB each: when no more is taken from any of them, at most 1 MiB is held for each."""
    async with Processes() as processes:
        _, backend = await processes.backend("large.py", "1")
        balancer, address = await processes.balancer(backend, options=("--health-path", ""))
        before = peak(balancer.pid)
        await asyncio.gather(*(offer(address) for _ in range(20)))
        assert peak(balancer.pid) - before < 20 * MIB


async def offer(address: tuple[str, int]) -> None:
    """Send a body until nobody takes any of it for half a second."""
    loop = asyncio.get_running_loop()
    with socket.create_connection(address) as sock:
        sock.setblocking(False)
        await loop.sock_sendall(sock, b"POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: %d\r\n\r\n" % (100 * MIB))
        taken = 0
        with contextlib.suppress(TimeoutError):
            while taken < 100 * MIB:
                async with asyncio.timeout(0.5):
                    await loop.sock_sendall(sock, b"x" * 65536)
                taken += 65536
        assert taken < 50 * MIB


async def test_500_heads_byte_by_byte() -> None:
    """At most 16 KiB for each of them; the others are served meanwhile."""
    async with Processes() as processes:
        _, backend = await processes.backend("scripted.py")
        balancer, address = await processes.balancer(backend, options=("--health-path", ""))
        customer = Connection(address)
        assert await customer.ask("GET", "/before") == b"/before"
        before = peak(balancer.pid)
        slow = [socket.create_connection(address) for _ in range(500)]
        head = b"GET / HTTP/1.1\r\nHost: shop.test\r\nX-Field: " + b"y" * 60
        for at in range(len(head)):
            for sock in slow:
                sock.send(head[at : at + 1])
            assert await customer.ask("GET", f"/{at}") == b"/%d" % at
        assert (await processes.tell("state"))["connections"] == 501
        assert peak(balancer.pid) - before < 500 * 16 * 1024
        customer.close()
        for sock in slow:
            sock.close()
