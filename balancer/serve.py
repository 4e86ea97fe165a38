"""One balancer process, from its start to its end."""

import asyncio
import random
import signal
from collections.abc import Callable
from typing import Any

from balancer import health
from balancer.admin import Admin
from balancer.config import BalancerConfig, parse_backend
from balancer.front import Front
from balancer.proxy import Proxy
from servers.control import ControlError, serve_control

SWEEP = 0.25
"""Seconds between two looks at all time limits."""


def run(config: BalancerConfig, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM, SIGINT or the control channel's `shutdown`; then finish what runs, and return.

    `on_ready` gets the address, HOST:PORT, once clients can connect. SystemExit with one line when that is impossible.
    """
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(config, on_ready))
    else:
        uvloop.run(serve(config, on_ready))


async def serve(config: BalancerConfig, on_ready: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    proxy = Proxy(config, random.Random(config.seed), loop.time)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    for text in config.backends:
        proxy.pool.add(parse_backend(text))
    host, port = config.address
    try:
        listening = await loop.create_server(lambda: Front(proxy), host, port, backlog=1024)
    except OSError as problem:
        raise SystemExit(
            f"balancer: cannot listen on {config.listen} ({problem.strerror or problem}): choose another --listen"
        ) from None
    name = listening.sockets[0].getsockname()
    address = f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
    admin = Admin(proxy, address)

    async def shutdown() -> dict[str, Any]:
        stopped.set()
        return {}

    control = None
    if config.control:
        try:
            control = await serve_control(config.control, {**admin.commands, "shutdown": shutdown}, admin.streams)
        except ControlError as problem:
            raise SystemExit(f"balancer: {problem}") from None
    tasks = [asyncio.create_task(sweep(proxy)), asyncio.create_task(health.watch(proxy))]
    on_ready(address)
    await stopped.wait()
    listening.close()
    proxy.stopping = True
    deadline = loop.time() + config.stop_timeout
    while proxy.exchanges and loop.time() < deadline:
        await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if control:
        await control.close()
    for front in list(proxy.fronts):
        front.transport.abort()
    for backend in list(proxy.idle):
        proxy.close_idle(backend)


async def sweep(proxy: Proxy) -> None:
    while True:
        await asyncio.sleep(SWEEP)
        proxy.sweep()
