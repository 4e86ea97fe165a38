"""Runs one server until it is told to stop.

Nothing here or below is bound to a loop or a thread at import: a warm parent imports this module once and forks
all its servers from there.
"""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from aiohttp import web

import servers.stores.memory  # the lab's drivers, imported before the fork: their memory is shared
import servers.stores.redis  # noqa: F401
from servers.app import make_app
from servers.commands import Commands
from servers.config import ConfigError, ServerConfig
from servers.control import ControlError, serve_control
from servers.orders import Orders, ShopFailed
from servers.shop import SHOP
from servers.stores import STORES
from servers.stores.base import StoreFailed

try:
    import uvloop
except ImportError:  # Windows, PyPy
    new_event_loop = asyncio.new_event_loop
else:
    new_event_loop = uvloop.new_event_loop

FINISH = 10.0  # seconds that running requests get at a stop


def run(config: ServerConfig, on_ready: Callable[[str], None]) -> None:
    """Blocks until SIGTERM, SIGINT or `shutdown`; `on_ready` gets "HOST:PORT" once requests are accepted.

    Raises ConfigError, in one line, when the server cannot start.
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve(config, on_ready))


async def serve(config: ServerConfig, on_ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as at_the_end:
        try:
            address = await _open(config, stop, at_the_end)
        except (StoreFailed, ShopFailed, ControlError) as problem:
            raise ConfigError(str(problem)) from problem
        on_ready(address)
        await stop.wait()


async def _open(config: ServerConfig, stop: asyncio.Event, at_the_end: AsyncExitStack) -> str:
    """What is opened first is closed last: first no new requests, then the running ones end, then the store."""
    store = await STORES[config.store].open(config.store_url, config.store_timeout, time.time)
    orders = Orders(config.shop)
    at_the_end.callback(orders.close)
    app = make_app(config, store, orders)
    commands = Commands(app[SHOP], store, stop.set)
    at_the_end.push_async_callback(commands.close)  # the store in force, which a switch may have changed
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=FINISH)
    await runner.setup()
    at_the_end.push_async_callback(runner.cleanup)
    host, port = config.address
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as failure:
        reason = failure.strerror or failure
        raise ConfigError(f"cannot listen on {config.listen}: {reason}; choose another --listen") from failure
    # aiohttp's own cleanup would cut off a request whose body is still arriving
    at_the_end.push_async_callback(app[SHOP].close, FINISH)
    at_the_end.push_async_callback(site.stop)
    host, port = runner.addresses[0][:2]
    commands.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if config.control:
        control = await serve_control(config.control, commands.table(), commands.streams())
        at_the_end.push_async_callback(control.close)
    return commands.address
