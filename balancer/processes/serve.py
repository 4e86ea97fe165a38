"""One balancer, from its start to its end: a single process, or the parent of workers."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Sequence
from hashlib import blake2b
from random import Random

from balancer.admin import serve_admin
from balancer.control import Control
from balancer.discovery import Discovery
from balancer.plane import WireLoop
from balancer.processes.descriptors import claim, excuse
from balancer.processes.handover import Legacy, Succession, inherited
from balancer.processes.listening import CannotListen, open_sockets, shown
from balancer.processes.shared_control import SharedControl
from balancer.processes.standing import follow, orders, succeed
from balancer.processes.workers import Workers
from balancer.say import say, tell_systemd
from balancer.settings import tls
from balancer.settings.addresses import parse_backend, split_address
from balancer.settings.config import BalancerConfig, as_json, word
from balancer.settings.problems import ConfigError
from balancer.state import Balancer
from balancer.telling.access_log import read_key
from balancer.traffic import Traffic
from servers.control import ControlError, ControlServer, serve_control

LINGER = 0.25
"""Seconds in which a balancer that has been followed answers who has just found its control socket."""


def run(config: BalancerConfig, on_ready: Callable[[str], None], command: Sequence[str] = ()) -> None:
    """Serve until SIGTERM, SIGINT or the control channel's `shutdown`; then finish what runs, and return.

    `on_ready` gets the address, HOST:PORT, once clients can connect. When that is impossible: one line on stderr, and
    SystemExit with 2. `command` is started at SIGUSR2, to take over (handover.py).
    """
    with asyncio.Runner(loop_factory=WireLoop) as runner:
        runner.run(serve(config, on_ready, command))


async def serve(config: BalancerConfig, on_ready: Callable[[str], None], command: Sequence[str] = ()) -> None:
    try:
        await _serve(config, on_ready, command)
    except ConfigError as problem:
        say(str(problem))
        raise SystemExit(2) from None


async def _serve(config: BalancerConfig, on_ready: Callable[[str], None], command: Sequence[str]) -> None:
    """Raises ConfigError when it cannot start."""
    for problem in tls.problems(config):
        raise ConfigError(f"--{word(problem.field)}: {problem.said}")
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(excuse)
    stop = asyncio.Event()
    for number in (signal.SIGHUP, signal.SIGUSR2):  # too early; not SIG_IGN, which children inherit
        loop.add_signal_handler(number, lambda: None)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    legacy = inherited()
    secret = _secret(config, legacy)
    balancer = Balancer(config, Random(config.seed), secret, loop.time)
    _make_room(balancer)
    _take_up(balancer, legacy)
    await balancer.names.find(balancer.pool.backends)
    sockets = _open_sockets("--listen", config.listen, legacy, config.workers)
    admin_sockets = _open_sockets("--admin", config.admin, legacy) if config.admin else []
    address = shown(sockets[0])
    balancer.admin_address = shown(admin_sockets[0]) if admin_sockets else ""
    traffic: Traffic | Workers
    if config.workers > 1:
        traffic = Workers(balancer, sockets, secret)
        control: Control = SharedControl(traffic, address, stop)
    else:
        traffic = Traffic(balancer, sockets)
        control = Control(balancer, address, stop)
    loop.add_signal_handler(signal.SIGHUP, traffic.hang_up)
    discovery = Discovery(balancer, control, balancer.names.resolve)
    await discovery.begin()
    await traffic.start()
    admin = [await serve_admin(sock.dup(), control.state) for sock in admin_sockets]

    def leave() -> Legacy:
        held = {f"--listen {config.listen}": sockets, f"--admin {config.admin}": admin_sockets}
        return Legacy(secret, held, as_json(config), orders(balancer))

    succession = Succession(command, leave, stop)
    discovery.paused = lambda: succession.under_way
    watching = balancer.run(discovery.watch())
    control.commands["remove"] = discovery.lasting(control.commands["remove"])
    channel = await _open_control(config.control, control, succession, legacy) if config.control else None
    loop.add_signal_handler(signal.SIGUSR2, succession.begin)
    on_ready(address)
    legacy.taken()
    tell_systemd(f"MAINPID={os.getpid()}\nREADY=1")
    await stop.wait()
    watching.cancel()
    await succession.end()
    await traffic.finish(handed_over=succession.done)
    for listening in admin:
        listening.close()
    if channel is not None:
        await channel.close(linger=LINGER if succession.done else 0.0)


def _secret(config: BalancerConfig, legacy: Legacy) -> bytes:
    """It keeps sticky cookies from telling which server they mean."""
    if not config.secret_file:
        return legacy.secret or os.urandom(32)
    try:
        return blake2b(read_key(config.secret_file), digest_size=32).digest()
    except OSError as problem:
        raise ConfigError(f"cannot use {problem.filename}: {problem.strerror}; choose another --secret-file") from None


def _make_room(balancer: Balancer) -> None:
    """Hold clients down to what the limit on open files allows in each process."""
    config = balancer.config
    wanted = config.most_clients(0)
    balancer.most_clients, balancer.most_upstreams = claim(wanted)
    if balancer.most_clients < wanted:
        clients, running = (most * config.workers for most in (balancer.most_clients, balancer.most_upstreams))
        say(
            f"open files are limited: at most {clients} clients at once, not {config.max_connections}, and"
            f" {running} requests under way (ulimit -Hn)"
        )


def _take_up(balancer: Balancer, legacy: Legacy) -> None:
    """The servers to begin with. What was switched at run time stands until the settings are others."""
    config = balancer.config
    for text in config.backends:
        balancer.pool.add(parse_backend(text))
    if legacy.config == as_json(config):
        follow(balancer, legacy.orders)
    elif legacy.orders:
        succeed(balancer, legacy.orders)


def _open_sockets(option: str, address: str, legacy: Legacy, shares: int = 1) -> list[socket.socket]:
    try:
        return open_sockets(*split_address(address), shares, legacy.sockets.get(f"{option} {address}", ()))
    except CannotListen as reason:
        raise ConfigError(f"cannot listen on {address}: {reason}; choose another {option}") from None


async def _open_control(path: str, control: Control, succession: Succession, legacy: Legacy) -> ControlServer:
    commands = {name: succession.undisturbed(command) for name, command in control.commands.items()}
    commands |= {"state": control.state, "restart": succession.restart}
    try:
        return await serve_control(path, commands, control.streams, replace=legacy.config.get("control") == path)
    except ControlError as problem:
        raise ConfigError(f"--control: {problem}") from None
