"""The servers behind the balancer: how one comes, goes, is hurt and is healed without losing a request."""

import asyncio
import signal
from collections.abc import Awaitable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from scenarios.cluster.balancers.base import Balancer
from scenarios.cluster.children import Children
from scenarios.cluster.lag import Lag
from scenarios.cluster.network import Network
from scenarios.cluster.server import Server
from scenarios.errors import LabError
from scenarios.nearest import hint
from servers.control import ControlError, call

SWITCH_WITHIN = 30.0  # a migration copies every session
STOPS_WITHIN = 12.0  # servers give running requests 10 s
ENDS_WITHIN = 3.0  # at the end of the lab


async def all_of(steps: Iterable[Awaitable[None]]) -> None:
    """Let every step come to its end, then raise what the first failed one raised."""
    raise_first(await asyncio.gather(*steps, return_exceptions=True))


def raise_first(results: Iterable[object]) -> None:
    for result in results:
        if isinstance(result, BaseException):
            raise result


def number_of(name: str) -> int:
    return int(name.rpartition("-")[2])


class Fleet:
    """Keeps no order of its own: the cluster serialises what must be."""

    def __init__(
        self,
        folder: Path,
        children: Children,
        options: Mapping[str, Any],
        balancer: Balancer,
    ) -> None:
        self.servers: dict[str, Server] = {}
        self._folder = folder
        self._children = children
        self._options = options
        self._balancer = balancer
        self._network = Network(folder, children, balancer)

    def get(self, name: str) -> Server:
        """Raises LabError for a name that no server has."""
        if name in self.servers:
            return self.servers[name]
        raise LabError(f"no server is called {name!r}; {hint(name, self.names())}")

    def names(self) -> list[str]:
        """In the order of their numbers, whoever was ready first."""
        return sorted(self.servers, key=number_of)

    def new_names(self, count: int) -> list[str]:
        """The next `count` names after the highest number in use."""
        highest = max(map(number_of, self.servers), default=0)
        return [f"server-{highest + number}" for number in range(1, count + 1)]

    def begin(self, name: str, store: str, url: str) -> Server:
        """Fork a server; `finish` waits until it serves."""
        control = self._folder / f"{name}.sock"
        config = {"name": name, "listen": "127.0.0.1:0", "store": store, "store_url": url, "control": str(control)}
        child = self._children.fork("server", name, {**self._options, **config})
        return Server(name, child, control, (store, url))

    async def finish(self, started: list[Server]) -> None:
        """Add servers to the balancer once they listen, in their order: the first request is for the first server.

        Raises LabError with what a server said that does not listen, and is ended; the others are added all the same.
        """
        within = self._children.ready_within
        ready = [server.child.until_ready(self._folder / f"{server.name}.log", within) for server in started]
        results = await asyncio.gather(*ready, return_exceptions=True)
        for server, result in zip(started, results, strict=True):
            if isinstance(result, str):
                server.address = result
                self.servers[server.name] = server
            else:  # perhaps it only takes longer, and would listen by and by, unknown to us
                await server.child.end(signal.SIGKILL, ENDS_WITHIN)
        await self._balancer.add({server.name: server.address for server in started if server.address})
        raise_first(results)

    async def add(self, names: list[str], store: str, url: str) -> None:
        await self.finish([self.begin(name, store, url) for name in names])

    async def retire(self, name: str, forget: bool = True) -> None:
        """Drain a server, stop it and take it out of the balancer. One that is dead, frozen or cut off cannot."""
        server = self.get(name)
        if server.finishes:
            # Sticky users still come while it drains. Removed, it gets nothing new, and what is on its way ends
            # before the server is told to stop: a request it has not read yet would be lost with its connection.
            await self._balancer.drain(name)
            with suppress(LabError):  # a request that takes longer than that: the server's own stop finishes it
                await self._balancer.remove(name, wait=True)
            await server.child.end(signal.SIGTERM, STOPS_WITHIN)
        else:
            await server.child.end(signal.SIGKILL, STOPS_WITHIN)
            with suppress(LabError):  # it is out already if a restart has failed
                await self._balancer.remove(name)
        await self._network.forget(server)
        if forget:
            del self.servers[name]

    async def switch(self, store: str, url: str, migrate: bool) -> int:
        """Move every server that can answer to this store, all at once; the others follow when they are back.

        The number of sessions that were carried over. Raises LabError when one refuses, after moving back those that
        had changed.
        """
        answering = [server for server in self.servers.values() if server.running and not server.paused]
        before = {server.name: server.store for server in answering}
        moves = [self._move(server, store, url, migrate) for server in answering]
        results = await asyncio.gather(*moves, return_exceptions=True)
        failed = [result for result in results if isinstance(result, BaseException)]
        if failed:
            changed = [server for server in answering if server.store != before[server.name]]
            back = (self._move(server, *before[server.name], migrate) for server in changed)
            await asyncio.gather(*back, return_exceptions=True)
            raise failed[0]
        for server in self.servers.values():
            server.behind = server.store != (store, url)
            server.store = (store, url)
        moved = list(zip(answering, (result for result in results if isinstance(result, int)), strict=True))
        own = [count for server, count in moved if before[server.name][0] == "memory"]
        shared = [count for server, count in moved if before[server.name][0] != "memory"]
        return sum(own) + max(shared, default=0)  # out of a shared logbook each server took the same sessions

    async def kill(self, name: str) -> None:
        server = self._running(name)
        await server.child.signal(signal.SIGKILL)
        await server.child.wait()
        await self._network.forget(server)
        server.sessions = 0

    async def pause(self, name: str) -> None:
        server = self._running(name)
        server.paused = True  # from now on: nobody may wait for its answer
        try:
            await server.child.signal(signal.SIGSTOP)
        except LabError:
            server.paused = False
            raise

    async def resume(self, name: str) -> None:
        server = self._running(name)
        await server.child.signal(signal.SIGCONT)
        server.paused = False

    async def follow(self, name: str) -> None:
        """Have a server that slept through a switch make up for it."""
        server = self.servers.get(name)
        if server is not None and server.behind and server.running and not server.paused:
            await self._move(server, *server.store, migrate=False)

    async def partition(self, name: str) -> None:
        await self._network.partition(self._running(name))

    async def slow(self, name: str, lag: Lag) -> None:
        await self._network.slow(self._running(name), lag)

    async def reconnect(self, name: str) -> None:
        await self._network.mend(self._running(name))

    async def drain(self, name: str, draining: bool) -> None:
        server = self.get(name)
        await (self._balancer.drain(name) if draining else self._balancer.undrain(name))
        server.draining = draining

    async def end(self) -> None:
        """End every server; nobody waits for an answer any more."""
        living = [server for server in self.servers.values() if server.running]
        await asyncio.gather(*(server.child.end(signal.SIGTERM, ENDS_WITHIN) for server in living))

    def _running(self, name: str) -> Server:
        server = self.get(name)
        if not server.running:
            raise LabError(f"{name} is not running: restart it first (lab restart {name})")
        return server

    async def _move(self, server: Server, store: str, url: str, migrate: bool) -> int:
        try:
            async with asyncio.timeout(SWITCH_WITHIN):
                answer = await call(server.control, "switch", store=store, store_url=url, migrate=migrate)
        except TimeoutError:
            raise LabError(f"{server.name} does not answer: restart it (lab restart {server.name})") from None
        except ControlError as refusal:
            if not server.running:
                return 0  # it died meanwhile: nothing left to move
            raise LabError(f"{server.name}: {refusal}") from None
        server.store, server.behind = (store, url), False
        moved: int = answer["moved"]
        return moved
