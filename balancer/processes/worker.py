"""One worker of `--workers N`: `python -m balancer.processes.worker SOCKET`, started by its parent (workers.py).

It is a balancer without settings of its own: at its control socket the parent tells it once with what to begin, and
from then on whatever is told to the parent. It ends when told to, and when its parent is gone: the socket that is its
standard input ends then, however the parent died. Its stdout is the parent's, for the access log.
"""

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from balancer.control import Control
from balancer.plane import WireLoop
from balancer.processes.descriptors import claim, excuse
from balancer.processes.kept_files import Files, in_memory
from balancer.processes.listening import shown
from balancer.processes.standing import State, follow
from balancer.settings.config import BalancerConfig
from balancer.settings.problems import ConfigError
from balancer.settings.tls import backend_context, listener_context
from balancer.state import Balancer
from balancer.traffic import Traffic
from servers.control import Command, ControlError, Stream, serve_control

STDIN = 0
"""A socket whose other end the parent holds."""


class Worker:
    """What the parent can ask, beside the commands of `Control`."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.traffic: Traffic | None = None
        self.commands: dict[str, Command] = {"begin": self.begin}
        self.streams: dict[str, Stream] = {}
        self.handed_over = False

    async def begin(
        self, config: dict[str, Any], secret: str, sockets: list[int], orders: State, seed: str | None, files: Files
    ) -> State:
        """Serve clients on these sockets, descriptors that the parent has left open for us."""
        settings = BalancerConfig(**config)
        balancer = Balancer(settings, Random(seed), bytes.fromhex(secret), asyncio.get_running_loop().time)
        balancer.most_clients, balancer.most_upstreams = claim(settings.max_connections)
        balancer.names.required = False
        follow(balancer, orders)
        self.balancer = balancer
        try:
            with in_memory(settings, files) as kept:
                if kept.tls_certificate:
                    balancer.first_context = listener_context(kept)
                if kept.backend_ca:
                    balancer.backend_tls = backend_context(kept)
            listening = [socket.socket(fileno=descriptor) for descriptor in sockets]
            traffic = Traffic(balancer, listening)
            await traffic.start()
        except ConfigError as problem:
            raise ControlError(str(problem)) from None
        self.traffic = traffic
        control = Control(balancer, shown(listening[0]), self.stop)
        self.commands |= {
            **control.commands,
            "exchange": control.exchange,
            "finish": self.finish,
            "hang_up": self.hang_up,
        }
        self.streams |= control.streams
        return await control.state()

    async def finish(self, handed_over: bool) -> State:
        self.handed_over = handed_over
        self.stop.set()
        return {}

    async def hang_up(self) -> State:
        """SIGHUP has come to the parent."""
        self.balancer.hang_up()
        return {}


async def work(path: Path) -> None:
    worker = Worker()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(excuse)
    loop.add_signal_handler(signal.SIGTERM, worker.stop.set)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):  # sent to all of us together: the parent's to answer
        signal.signal(number, signal.SIG_IGN)
    control = await serve_control(path, worker.commands, worker.streams)
    loop.add_reader(STDIN, worker.stop.set)
    try:
        os.write(STDIN, b"here")
    except BrokenPipeError:  # the parent is gone already
        worker.stop.set()
    await worker.stop.wait()
    loop.remove_reader(STDIN)
    if worker.traffic is not None:
        await worker.traffic.finish(handed_over=worker.handed_over)
    await control.close()
    with suppress(OSError):
        path.parent.rmdir()  # the last one out; the parent may be gone


def main() -> None:
    with asyncio.Runner(loop_factory=WireLoop) as runner:
        runner.run(work(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
