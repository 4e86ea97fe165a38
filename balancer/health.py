"""Active health checks: a request of our own to every backend, again and again."""

import asyncio
from contextlib import suppress

from balancer.pool import Backend
from balancer.proxy import Proxy


async def watch(proxy: Proxy) -> None:
    """Check every backend each `health_interval` seconds, until cancelled."""
    interval = proxy.config.health_interval
    while True:
        await asyncio.gather(*(_round(proxy, backend, interval) for backend in list(proxy.pool.backends)))
        await asyncio.sleep(interval)


async def _round(proxy: Proxy, backend: Backend, within: float) -> None:
    if await passes(backend, proxy.config.health_path, within):
        backend.passes += 1
        backend.failures = 0
        if not backend.healthy and backend.passes >= proxy.config.rise:
            proxy.set_health(backend, True)
    else:
        proxy.failed(backend)


async def passes(backend: Backend, path: str, within: float) -> bool:
    """Whether the backend answers `path` with 2xx within this many seconds."""
    writer = None
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(backend.host, backend.port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {backend.address}\r\nConnection: close\r\n\r\n".encode())
            line = await reader.readline()
            return line.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2"))
    except (OSError, TimeoutError, ValueError):
        return False
    finally:
        if writer is not None:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()
