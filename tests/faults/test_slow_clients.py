"""Clients that send or read one byte at a time, each within every limit on silence: bounded in time (the rig's clock).

test_memory.py has what they cost in memory.
"""

import asyncio
import fcntl
import socket
import sys
import termios

import pytest

from balancer.front import Client
from balancer.proxy import SLOWEST
from balancer.settings.options import EPILOG
from balancer.state import SWEEP
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Rig, Server, get, ok, turns, until
from tests.faults.test_clients import GET, Backend, Phase, nothing_left


async def drip(rig: Rig, line: Line, data: bytes, seconds: float) -> float:
    """Send a byte every so many seconds until the balancer has enough of it, or for ten minutes; how long it took."""
    began = rig.clock.now
    await until(lambda: rig.balancer.clients)
    (client,) = rig.balancer.clients
    for byte in data:
        if line.reader._buffer or line.reader.at_eof() or rig.clock.now - began > 600:  # type: ignore[attr-defined]
            break
        line.send(bytes([byte]))
        await until(lambda: client not in rig.balancer.clients or has_read(client, line))
        rig.pass_time(seconds)
    return rig.clock.now - began


def has_read(client: Client, line: Line) -> bool:
    """Whether the balancer has read all that was sent: the one system holds none of it, nor does the other (tcp(7))."""
    ends = ((line.writer, termios.TIOCOUTQ), (client.transport, termios.FIONREAD))
    waiting = [fcntl.ioctl(end.get_extra_info("socket").fileno(), question, bytes(4)) for end, question in ends]
    return not any(int.from_bytes(each, sys.byteorder) for each in waiting)


async def test_a_head_byte_by_byte(start: Start) -> None:
    """408 once `head_timeout` (10) is over, two sweeps and one byte later at most; nothing reaches a backend."""
    rig = await start(Server(), head_timeout=10.0)
    line = await rig.connect()
    took = await drip(rig, line, b"GET / HTTP/1.1\r\nHost: shop.test\r\n" + b"X: y\r\n" * 100, 1.0)
    assert 10 <= took <= 10 + 2 * SWEEP + 2
    assert (await line.answer()).status == 408
    await line.closed()
    assert rig.servers["a"].lines == []


@pytest.mark.parametrize("framing", ["Content-Length: 5000", "Transfer-Encoding: chunked"])
async def test_a_body_byte_by_byte(start: Start, framing: str) -> None:
    """408 once `response_timeout` (10) is over; the backend gets half a request, is told so, and is not blamed."""
    backend = Backend(Phase(b""))
    rig = await start(backend, response_timeout=10.0)
    line = await rig.connect()
    line.send(get("/", framing, method="POST"))
    await until(lambda: backend.lines)
    took = await drip(rig, line, b"1\r\nx\r\n" * 800, 2.0)
    assert 10 <= took <= 10 + 2 * SWEEP + 4
    assert (await line.answer()).status == 408
    await asyncio.wait_for(backend.told.wait(), 5)
    assert rig.backend().counts.errors == 0


async def test_a_body_at_an_honest_pace_is_waited_for(start: Start) -> None:
    """1,000 bytes every second and a half, for a minute: longer than the response timeout, and welcome."""
    rig = await start(Server(), response_timeout=10.0)
    line = await rig.connect()
    line.send(get("/", "Content-Length: 40000", method="POST"))
    (client,) = await arrived(rig)
    for _ in range(40):
        line.send(b"x" * 1000)
        await line.flush()
        before = client.deadline
        await until(
            lambda before=before: client.deadline > before or client.exchange is None or not client.exchange.upload
        )
        rig.pass_time(1.5)
    assert (await line.answer()).status == 200
    assert len(rig.servers["a"].heard[0].body) == 40_000


def test_what_an_honest_pace_is_can_be_read() -> None:
    assert f"at {SLOWEST} bytes a second" in EPILOG


async def arrived(rig: Rig) -> list[object]:
    await until(lambda: any(client.exchange for client in rig.balancer.clients))
    return list(rig.balancer.clients)


def large() -> Server:
    server = Server()
    server.reply = lambda message: ok(b"x" * 30_000_000)
    return server


async def reader(rig: Rig) -> socket.socket:
    """A client for whom a large answer has begun to come, and who has read nothing yet."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(rig.address)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_sendall(sock, GET)
    (client,) = await arrived(rig)
    await until(lambda: client.stuffed)  # type: ignore[attr-defined]
    return sock


async def test_a_reader_byte_by_byte(start: Start) -> None:
    """One byte in each 5 s of a large answer: broken off within two `idle_timeout`s (10), whatever the response timeout
    is, and the backend is free again, and not blamed."""
    rig = await start(large(), idle_timeout=10.0, response_timeout=100.0)
    with await reader(rig) as sock:
        loop = asyncio.get_running_loop()
        began = rig.clock.now
        while rig.balancer.clients and rig.clock.now - began < 600:
            assert await loop.sock_recv(sock, 1)
            rig.pass_time(5)
            await turns(100)
        assert rig.clock.now - began <= 2 * 10 + 4 * SWEEP + 5
    await until(lambda: rig.backend().in_flight == 0)
    await nothing_left(rig)


async def test_a_reader_at_an_honest_pace_is_waited_for(start: Start) -> None:
    """4 kB in each 5 s, for half an hour: the system takes nothing more from us in all that time, as it holds enough of
    a large answer for hours, and yet the client reads."""
    rig = await start(large(), idle_timeout=10.0, response_timeout=10.0)
    with await reader(rig) as sock:
        loop = asyncio.get_running_loop()
        (client,) = rig.balancer.clients
        for _ in range(360):
            for _ in range(4):
                assert await loop.sock_recv(sock, 1024)
            await turns(20)
            rig.pass_time(5)
        assert rig.balancer.clients == {client}
