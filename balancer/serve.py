"""One balancer process, from its start to its end."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from random import Random

from balancer import tls
from balancer.admin import serve_admin
from balancer.config import BalancerConfig, ConfigError, parse_backend, word
from balancer.control import Control, describe
from balancer.descriptors import TooFewDescriptors, claim
from balancer.listening import CannotListen, open_sockets, shown
from balancer.state import Balancer
from balancer.traffic import Traffic
from balancer.wire import WireLoop
from servers.control import ControlError, ControlServer, serve_control


def run(config: BalancerConfig, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM, SIGINT or the control channel's `shutdown`; then finish what runs, and return.

    `on_ready` gets the address, HOST:PORT, once clients can connect. When that is impossible: one line on stderr, and
    SystemExit with 2.
    """
    for problem in tls.problems(config):
        raise SystemExit(_said(f"--{word(problem.field)}: {problem.said}"))
    with asyncio.Runner(loop_factory=WireLoop) as runner:
        runner.run(serve(config, on_ready))


async def serve(config: BalancerConfig, on_ready: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # The secret keeps sticky cookies from telling which server they mean; it dies with the process.
    balancer = Balancer(config, Random(config.seed), os.urandom(32), loop.time)
    loop.add_signal_handler(signal.SIGHUP, balancer.hang_up)
    balancer.most_clients, balancer.most_upstreams = _room(config)
    for text in config.backends:
        balancer.pool.add(parse_backend(text))
    sockets = _open_sockets(config)
    address = shown(sockets[0])
    traffic = Traffic(balancer, sockets)
    try:
        await traffic.start()
    except ConfigError as problem:
        raise SystemExit(_said(str(problem))) from None
    admin, control = None, None
    if config.admin:
        admin = await _open_admin(balancer, address)
    if config.control:
        control = await _open_control(config.control, Control(balancer, address, stop))
    on_ready(address)
    await stop.wait()
    await traffic.finish()
    if admin is not None:
        admin.close()
    if control is not None:
        await control.close()


def _room(config: BalancerConfig) -> tuple[int, int]:
    try:
        clients, upstreams = claim(config.max_connections)
    except TooFewDescriptors as problem:
        raise SystemExit(_said(str(problem))) from None
    if clients < config.max_connections:
        say(f"open files are limited: at most {clients} clients at once, not {config.max_connections}")
    return clients, upstreams


def _open_sockets(config: BalancerConfig) -> list[socket.socket]:
    try:
        return open_sockets(*config.address)
    except CannotListen as reason:
        raise SystemExit(_said(f"cannot listen on {config.listen}: {reason}; choose another --listen")) from None


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
    say(line)
    return 2


def say(line: str) -> None:
    os.write(2, f"balancer: {line}\n".encode())
