"""Serving clients on listening sockets, from the first connection to the last answer."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress

from balancer import health, trouble
from balancer.arrival import Arrival, doorway
from balancer.front import Client
from balancer.plane import Listening, adopt, listen
from balancer.state import SWEEP, Balancer
from balancer.syn_filter import admit_no_more
from balancer.telling.access_log import AccessLog

JUST_ASKED = 0.25
"""Seconds within which a client that was answered may be sending its next request already."""
BEING_MADE = 0.1
"""Seconds until connections are made whose making has begun: a few round trips."""


class Traffic:
    """What one process serves: all of it, or a worker's part."""

    def __init__(self, balancer: Balancer, sockets: Sequence[socket.socket]) -> None:
        self._balancer = balancer
        self._sockets = sockets
        self._newcomer = doorway(balancer)
        self._listening: list[Listening] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Clients are served once this returns. Raises ConfigError."""
        balancer = self._balancer
        if any(backend.tls for backend in balancer.pool.backends):
            _ = balancer.backend_tls  # made now: reading all authorities would keep others waiting, and may fail
        if balancer.config.access_log:
            balancer.use_log(AccessLog(balancer.config, balancer.secret))
        self._tasks = [balancer.run(self._sweep()), balancer.run(health.watch(balancer))]
        for sock in self._sockets:
            self._listening.append(await listen(sock.dup(), self._newcomer))

    async def finish(self, *, handed_over: bool = False) -> None:
        """Running requests and tunnels may end, up to `stop_timeout` seconds. Clients at rest are let go, and not in
        the moment in which they may be asking again.

        `handed_over`: the next balancer serves the same sockets, so nobody is in a hurry: clients at rest may ask once
        more, and are told then that this connection ends (as HAProxy's `idle-close-on-response` does).
        """
        balancer = self._balancer
        patience = balancer.config.stop_timeout
        balancer.stopping = True
        if not handed_over:
            for sock in self._sockets:
                admit_no_more(sock)
            await asyncio.sleep(BEING_MADE)
        for listening in self._listening:
            listening.close()
        for _ in range(3):
            await asyncio.sleep(0)  # the loop's steps from an accepted connection to a Client
        if not handed_over:
            await self._take_waiting()
        for client in list(balancer.clients):
            _let_go(client, patience if handed_over else JUST_ASKED)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await balancer.until_empty()
        for client in list(balancer.clients):
            _end(client)
        for upstream in list(balancer.upstreams):
            upstream.transport.abort()
        for task in self._tasks:
            task.cancel()
        if balancer.log is not None:
            for _ in range(3):
                await asyncio.sleep(0)  # the loop's steps until the last ones hear that they are cut off
            balancer.log.close()

    def hang_up(self) -> None:
        """SIGHUP has come."""
        self._balancer.hang_up()

    async def _take_waiting(self) -> None:
        """Whoever has connected is served: closing a socket would reset the connections that wait in it."""
        for sock in self._sockets:
            with suppress(OSError):
                while True:
                    connection, peer = sock.accept()
                    await adopt(connection, peer, self._newcomer)
            sock.close()

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP)
            try:
                self._balancer.sweep()
            except Exception as problem:  # noqa: BLE001 - without the next sweep no time limit applies any more
                loop.call_exception_handler({"message": "a sweep failed", "exception": problem})


def _let_go(client: Client | Arrival, rest: float) -> None:
    """At work: it ends after the running request, whose answer says so, or with its tunnel. At rest: once `rest`
    seconds have passed since its last answer; not come to a request yet: in so many seconds."""
    balancer = client.balancer
    if isinstance(client, Arrival):
        client.deadline = min(client.deadline, balancer.within(rest))
    elif client.at_rest:
        until = client.deadline - balancer.config.idle_timeout + rest
        if until < balancer.within(0):
            client.close()
        else:
            client.deadline = min(client.deadline, until)


def _end(client: Client | Arrival) -> None:
    """It has had all the time there was. What the system has of earlier answers still goes out."""
    if isinstance(client, Arrival):
        client.abort()
    elif client.exchange is not None:
        trouble.out_of_time(client.exchange)
    else:
        client.close()
