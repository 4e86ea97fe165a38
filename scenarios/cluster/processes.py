"""The cluster as local processes: a balancer, servers, and the stores they share, all under one nursery."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, Self

from scenarios import theory
from scenarios.cluster.children import Children
from scenarios.cluster.fleet import Fleet, Server, all_of
from scenarios.cluster.ground import MOST_SERVERS, check_count, check_port, make_private
from scenarios.cluster.programs import check_socket_path, last_line
from scenarios.cluster.shared_stores import SharedStores, check_store, prepare_sqlite
from scenarios.cluster.status import status
from scenarios.cluster.store_calls import store_calls
from scenarios.errors import LabError
from servers.control import ControlError, call, stream

READY_WITHIN = 20.0
ANSWER_WITHIN = 10.0
STATE_WITHIN = 0.5  # a paused server does not answer; the status must not wait for it
BALANCER_STOPS_WITHIN = 3.0


class ProcessCluster:
    """Implements `Cluster`. Use `async with await ProcessCluster.start(folder, ...) as cluster`."""

    def __init__(self, folder: Path, host: str, environ: Mapping[str, str]) -> None:
        self.url = ""
        self._folder = folder
        self._host = host
        self._environ = environ
        self._control = folder / "balancer.sock"
        self._store = "memory"
        self._policy = "round_robin"
        self._away: str | None = None  # the store that `stop_store` took away
        self._changing = asyncio.Lock()  # scale, switch and restart wait for each other
        self._children: Children
        self._fleet: Fleet
        self._stores: SharedStores

    @classmethod
    async def start(
        cls,
        folder: Path,
        *,
        servers: int = 1,
        store: str = "memory",
        policy: str = "round_robin",
        on_unknown: str = "keep",
        host: str = "127.0.0.1",
        port: int = 0,
        server_options: Mapping[str, Any] | None = None,
        balancer_options: Mapping[str, Any] | None = None,
        keep: Sequence[int] = (),
        environ: Mapping[str, str] = os.environ,
    ) -> Self:
        """Return when every server answers through the balancer.

        `folder` (its path short) is the cluster's own: made private here, removed at the end. `port` 0 takes a free
        one. The options go into ServerConfig and BalancerConfig; `keep`: see `Children.start`.
        Raises LabError, with everything ended again: port taken, unknown store or policy, a store that fails, ...
        """
        check_count(servers)
        check_store(store)
        check_port(host, port)
        check_socket_path(folder / f"server-{MOST_SERVERS}.sock")
        make_private(folder)
        cluster = cls(folder, host, environ)
        shop = folder / "shop.db"
        options = {"on_unknown": on_unknown, "shop": str(shop), **(server_options or {})}
        cluster._children = await Children.start(folder, keep)
        try:
            prepare_sqlite(shop)
            cluster._stores = SharedStores(folder, cluster._children, environ)
            cluster._fleet = Fleet(folder, cluster._children, options, cluster._ask)
            url = await cluster._stores.url(store)  # before the forks, while the nursery still imports
            await cluster._open(servers, store, url, {"policy": policy, **(balancer_options or {})}, port)
        except BaseException:
            await cluster.stop()
            raise
        return cluster

    async def _open(self, servers: int, store: str, url: str, balancer: dict[str, Any], port: int) -> None:
        self._store = store
        self._policy = balancer["policy"]
        listen = f"{self._host}:{port}"
        config = {"listen": listen, "control": str(self._control), "backends": (), **balancer}
        self._balancer = self._children.fork("balancer", "balancer", config)
        started = [self._fleet.begin(name, store, url) for name in self._fleet.new_names(servers)]
        address = await self._balancer.until_ready(self._folder / "balancer.log", READY_WITHIN)
        self.url = f"http://{address}"
        await self._ask("label", store=store)
        await self._fleet.finish(started)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def __repr__(self) -> str:
        return f"<ProcessCluster {self.url} {len(self.names())} servers, {self._store}>"

    @property
    def nursery_pid(self) -> int:
        return self._children.pid

    async def until_broken(self) -> None:
        """Wait until the nursery or the balancer has ended without being asked: nothing can work from then on."""
        await self._balancer.wait()

    def names(self) -> list[str]:
        return self._fleet.names()

    async def state(self) -> dict[str, Any]:
        described = [describe(self._fleet.servers[name]) for name in self.names()]
        balancer, *servers = await asyncio.gather(self._ask("state"), *described)
        return status(self.url, self._store, balancer, servers)

    async def counters(self) -> dict[str, Any]:
        totals: dict[str, Any] = (await self._ask("state"))["totals"]
        return totals

    async def switch(
        self, store: str | None = None, policy: str | None = None, migrate: bool = False
    ) -> dict[str, Any]:
        moved = 0
        async with self._changing:
            if policy is not None:
                await self._ask("policy", name=policy)  # the balancer marks this one itself
                self._policy = policy
            if store is not None:
                url = await self._stores.url(store)
                moved = await self._fleet.switch(store, url, migrate)
                self._store = store
                await self._ask("label", store=store)
                await self.mark(what="store", detail=f"{store}, {moved} sessions moved" if migrate else store)
            await self._mark_law()
        return {"moved": moved}

    async def scale(self, servers: int) -> None:
        check_count(servers)
        async with self._changing:
            names = self.names()
            await all_of(self._fleet.retire(name) for name in names[servers:])
            url = await self._stores.url(self._store)
            await self._fleet.add(self._fleet.new_names(servers - len(names)), self._store, url)
            await self.mark(kind="servers", servers=self.names())
            await self._mark_law()

    async def _mark_law(self) -> None:
        """Tell boards what rate theory now expects."""
        rate = theory.steady_rate(len(self.names()), self._store, self._policy)
        await self.mark(kind="law", theory_rate=rate)

    async def kill(self, server: str) -> None:
        await self._fleet.kill(server)
        await self.mark(what="kill", detail=server)

    async def pause(self, server: str) -> None:
        await self._fleet.pause(server)
        await self.mark(what="pause", detail=server)

    async def resume(self, server: str) -> None:
        await self._fleet.resume(server)
        await self.mark(what="resume", detail=server)

    async def restart(self, server: str) -> None:
        self._fleet.get(server)
        async with self._changing:
            await self._fleet.retire(server, forget=False)
            url = await self._stores.url(self._store)
            await self._fleet.add([server], self._store, url)
        await self.mark(what="restart", detail=server)

    async def stop_store(self, hang: bool = False) -> None:
        if self._away is not None:
            raise LabError(f"the {self._away} store is stopped already: start it first")
        async with self._changing:
            if detour := await self._stores.detour(self._store):
                await self._fleet.switch(self._store, detour, migrate=False)
            await self._stores.stop(self._store, hang)
            self._away = self._store
        await self.mark(what="store_stopped", detail=self._store)

    async def start_store(self) -> None:
        if self._away is None:
            raise LabError("the store has not been stopped: nothing to start")
        async with self._changing:
            await self._stores.start(self._away)
            away, self._away = self._away, None
            if self._stores.on_detour:
                await self._fleet.switch(away, await self._stores.url(away), migrate=False)
                await self._stores.end_detour()
        await self.mark(what="store_started", detail=away)

    async def mark(self, **event: Any) -> None:
        await self._ask("mark", event={"kind": "mark", "time": time.time(), **event})

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        async with aclosing(stream(self._control, "subscribe")) as feed:
            async for event in feed:
                yield event

    async def store_calls(self) -> AsyncGenerator[dict[str, Any], None]:
        return await store_calls(self._fleet.servers.values())

    async def stop(self) -> None:
        """In the order that loses nothing: the balancer takes no more requests, servers finish, stores end."""
        with suppress(LabError):
            if hasattr(self, "_balancer"):
                await self._balancer.end(signal.SIGTERM, BALANCER_STOPS_WITHIN)
                await self._fleet.end()
                await self._stores.close()
        await self._children.stop()

    async def _ask(self, do: str, *, within: float = ANSWER_WITHIN, **arguments: Any) -> dict[str, Any]:
        """One command to the balancer. Raises LabError with its refusal."""
        try:
            if self._balancer.ended.done():
                raise ControlError("it has ended")
            async with asyncio.timeout(within):
                return await call(self._control, do, **arguments)
        except TimeoutError:
            raise LabError("the balancer does not answer; stop this lab and start it again") from None
        except ControlError as refusal:
            if self._balancer.ended.done():
                why = last_line(self._folder / "balancer.log")
                raise LabError(f"the balancer has ended ({why}); stop this lab and start it again") from None
            raise LabError(str(refusal)) from None


async def describe(server: Server) -> dict[str, Any]:
    """What `lab status` says of a server; one that does not answer keeps the last count of sessions it gave."""
    if server.running and not server.paused:
        with suppress(ControlError, TimeoutError):
            async with asyncio.timeout(STATE_WITHIN):
                sessions = (await call(server.control, "state"))["sessions"]
                server.sessions = server.sessions if sessions is None else sessions  # None: its store is away
    pid = server.child.pid if server.running else None
    return {"name": server.name, "address": server.address, "pid": pid, "sessions": server.sessions}
