"""Active health checks. Passive ones are counted where requests fail (Balancer.failed)."""

import asyncio
from contextlib import suppress

from balancer.pool import Backend
from balancer.state import Balancer


async def watch(balancer: Balancer) -> None:
    """Check every backend each `health_interval` seconds, until cancelled.

    With a health path each is asked for it; without one, only those that are down are tried, by connecting.
    """
    config = balancer.config
    while True:
        due = [b for b in balancer.pool.backends if config.health_path or not b.healthy]
        await asyncio.gather(*(check(balancer, backend) for backend in due))
        await asyncio.sleep(config.health_interval)


async def check(balancer: Balancer, backend: Backend) -> None:
    """One check, and what follows from it: `rise` passed in a row bring a backend back, `fall` missed take it out."""
    config = balancer.config
    if await passes(balancer, backend, config.health_interval):
        backend.passes += 1
        backend.misses = 0
        if backend.passes >= config.rise:
            balancer.set_health(backend, True)
    else:
        backend.misses += 1
        backend.passes = 0
        if backend.misses >= config.fall:
            balancer.set_health(backend, False)


async def passes(balancer: Balancer, backend: Backend, within: float) -> bool:
    """Whether the backend answers the health path with 2xx in so many seconds, or, without one, can be connected to."""
    path, writer = balancer.config.health_path, None
    context, name = (balancer.backend_tls, backend.host) if backend.tls else (None, None)
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(
                backend.host, backend.port, ssl=context, server_hostname=name
            )
            balancer.reached(backend)
            if not path:
                return True
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {backend.address}\r\nConnection: close\r\n\r\n".encode())
            line = await reader.readline()
            return line.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2"))
    except (OSError, TimeoutError, ValueError) as problem:
        if writer is None:
            balancer.reached(backend, problem)
        return False
    finally:
        if writer is not None:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()
