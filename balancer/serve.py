"""One balancer process, from its start to its end."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from random import Random

from balancer import health
from balancer.admin import serve_admin
from balancer.config import BalancerConfig, parse_backend
from balancer.control import Control, describe
from balancer.front import Client
from balancer.state import SWEEP, Balancer
from servers.control import ControlError, ControlServer, serve_control

BACKLOG = 4096
"""Connections that may wait to be accepted (the system's own limit, net.core.somaxconn, holds too)."""


def run(config: BalancerConfig, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM, SIGINT or the control channel's `shutdown`; then finish what runs, and return.

    `on_ready` gets the address, HOST:PORT, once clients can connect. When that is impossible: one line on stderr, and
    SystemExit with 2.
    """
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(config, on_ready))
    else:
        uvloop.run(serve(config, on_ready))


async def serve(config: BalancerConfig, on_ready: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # The secret keeps sticky cookies from telling which server they mean; it dies with the process.
    balancer = Balancer(config, Random(config.seed), os.urandom(32), loop.time)
    loop.add_signal_handler(signal.SIGHUP, balancer.hang_up)
    for text in config.backends:
        balancer.pool.add(parse_backend(text))
    listening, address = await _listen(balancer)
    admin, control = None, None
    if config.admin:
        admin = await _open_admin(balancer, address)
    if config.control:
        control = await _open_control(config.control, Control(balancer, address, stop))
    tasks = [balancer.run(_sweep(balancer)), balancer.run(health.watch(balancer))]
    on_ready(address)
    await stop.wait()
    listening.close()
    await _finish(balancer)
    for task in tasks:
        task.cancel()
    if admin is not None:
        admin.close()
    if control is not None:
        await control.close()


async def _listen(balancer: Balancer) -> tuple[asyncio.Server, str]:
    config = balancer.config
    host, port = config.address
    try:
        listening = await asyncio.get_running_loop().create_server(
            lambda: Client(balancer), host, port, backlog=BACKLOG
        )
    except OSError as problem:
        raise _impossible("--listen", config.listen, problem) from None
    return listening, _shown(listening.sockets[0].getsockname())


async def _open_admin(balancer: Balancer, address: str) -> asyncio.Server:
    text = balancer.config.admin
    host, _, port = text.rpartition(":")
    try:
        return await serve_admin(host.strip("[]"), int(port), lambda: describe(balancer, address))
    except OSError as problem:
        raise _impossible("--admin", text, problem) from None


async def _open_control(path: str, control: Control) -> ControlServer:
    try:
        return await serve_control(path, control.commands, control.streams)
    except ControlError as problem:
        raise SystemExit(_said(f"--control: {problem}")) from None


def _impossible(option: str, address: str, problem: OSError) -> SystemExit:
    reason = problem.strerror or str(problem)
    if isinstance(problem, socket.gaierror):
        reason = "no such host"
    elif problem.errno:
        reason = os.strerror(problem.errno)
    return SystemExit(_said(f"cannot listen on {address}: {reason}; choose another {option}"))


def _said(line: str) -> int:
    """Prints the line; the exit code that goes with it."""
    os.write(2, f"balancer: {line}\n".encode())
    return 2


def _shown(name: tuple[str, int]) -> str:
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _sweep(balancer: Balancer) -> None:
    while True:
        await asyncio.sleep(SWEEP)
        balancer.sweep()


async def _finish(balancer: Balancer) -> None:
    """Running requests may end, up to `stop_timeout` seconds; connections at rest are closed at once."""
    balancer.stopping = True
    for client in list(balancer.clients):
        client.stop()
    with suppress(TimeoutError):
        async with asyncio.timeout(balancer.config.stop_timeout):
            await balancer.until_empty()
    for client in list(balancer.clients):
        client.abort()
    for upstream in list(balancer.upstreams):
        upstream.transport.abort()
