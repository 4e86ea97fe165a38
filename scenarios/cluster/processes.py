"""The cluster as local processes: a balancer, servers, and the stores they share, all under one nursery."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Self

from scenarios import theory
from scenarios.cluster.balancers import BALANCERS
from scenarios.cluster.balancers.base import Balancer
from scenarios.cluster.children import Children
from scenarios.cluster.fleet import Fleet, all_of
from scenarios.cluster.ground import MOST_SERVERS, check_count, check_port, make_private
from scenarios.cluster.lag import Lag
from scenarios.cluster.logbooks import logbooks
from scenarios.cluster.nursery_children import NurseryChildren
from scenarios.cluster.programs import check_socket_path
from scenarios.cluster.shared_stores import SharedStores, check_store
from scenarios.cluster.status import Change, as_it_stands, status
from scenarios.cluster.store_calls import store_calls
from scenarios.errors import LabError


class ProcessCluster:
    """Implements `Cluster`. Use `async with await ProcessCluster.start(folder, ...) as cluster`."""

    def __init__(self, folder: Path, host: str, environ: Mapping[str, str]) -> None:
        self.url = ""
        self.metrics: str | None = None  # the URL that Prometheus reads
        self._folder = folder
        self._host = host
        self._environ = environ
        self._store = "memory"
        self._policy = "round_robin"
        self._behind = "ours"  # one of BALANCERS
        self._away: str | None = None  # the store that `stop_store` took away
        self._changing = asyncio.Lock()  # all but kill, pause and resume wait for each other
        self._change: Change
        self._children: Children
        self.balancer: Balancer
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
        balancer: str = "ours",
        on_unknown: str = "keep",
        host: str = "127.0.0.1",
        port: int = 0,
        server_options: Mapping[str, Any] | None = None,
        balancer_options: Mapping[str, Any] | None = None,
        keep: Sequence[int] = (),
        environ: Mapping[str, str] = os.environ,
        children: Callable[[Path, Sequence[int]], Awaitable[Children]] = NurseryChildren.start,
    ) -> Self:
        """Return when every server answers through the balancer.

        `folder` (its path short) is the cluster's own: made private here, removed at the end. `port` 0 takes a free
        one. `balancer` is one of BALANCERS. The options go into ServerConfig and BalancerConfig; `keep`: see
        `NurseryChildren.start`; `children` begins what starts and ends the processes (docker.py has another).
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
        cluster._children = await children(folder, keep)
        try:
            cluster._stores = SharedStores(folder, cluster._children, environ)
            url = await cluster._stores.url(store)  # before the forks, while the nursery still imports
            settings = {"listen": f"{host}:{port}", "policy": policy, **(balancer_options or {})}
            cluster.balancer = resolve_name(BALANCERS[balancer])(folder, cluster._children, settings)
            cluster._fleet = Fleet(folder, cluster._children, options, cluster.balancer)
            cluster._store, cluster._policy, cluster._behind = store, settings["policy"], balancer
            await cluster._open(servers, url)
        except BaseException:
            await cluster.stop()
            raise
        return cluster

    async def _open(self, servers: int, url: str) -> None:
        started = [self._fleet.begin(name, self._store, url) for name in self._fleet.new_names(servers)]
        self.url = f"http://{await self.balancer.until_ready()}"
        if admin := (await self.balancer.state())["admin"]:
            self.metrics = f"http://{admin}/metrics"
        await self.balancer.label(self._store)
        await self._fleet.finish(started)
        await self._count_anew("start", "")

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
        await self.balancer.until_ended()

    def names(self) -> list[str]:
        return self._fleet.names()

    async def state(self) -> dict[str, Any]:
        described = [self._fleet.servers[name].describe() for name in self.names()]
        balancer, *servers = await asyncio.gather(self.balancer.state(), *described)
        told = status(self.url, self._store, self._law(), balancer, servers, self._change)
        return {**told, "behind": self._behind}

    async def logbooks(self, limit: int = 20) -> dict[str, Any]:
        return {"logbooks": await logbooks([self._fleet.servers[name] for name in self.names()], limit)}

    async def counters(self) -> dict[str, Any]:
        totals: dict[str, Any] = (await self.balancer.state())["totals"]
        return totals

    async def switch(
        self, store: str | None = None, policy: str | None = None, migrate: bool = False
    ) -> dict[str, Any]:
        moved = 0
        async with self._changing:
            if policy is not None:
                await self.balancer.use_policy(policy)  # which marks it
                self._policy = policy
            if store is not None:
                url = await self._stores.url(store)
                moved = await self._fleet.switch(store, url, migrate)
                self._store = store
                await self.balancer.label(store)
                await self.mark(what="store", detail=f"{store}, {moved} sessions moved" if migrate else store)
            await self._count_anew("switch", ", ".join(name for name in (store, policy) if name))
        return {"moved": moved}

    async def scale(self, servers: int) -> None:
        check_count(servers)
        async with self._changing:
            names = self.names()
            await all_of(self._fleet.retire(name) for name in names[servers:])
            url = await self._stores.url(self._store)
            await self._fleet.add(self._fleet.new_names(servers - len(names)), self._store, url)
            await self.mark(kind="servers", servers=self.names())
            await self._count_anew("scale", f"to {servers}")

    def _law(self) -> float:
        """The logout rate theory gives the servers that get new users now."""
        serving = sum(server.serving for server in self._fleet.servers.values())
        return theory.steady_rate(max(1, serving), self._store, self._policy)

    async def _count_anew(self, what: str, detail: str) -> None:
        """The cluster is another from now on: begin `since`, and tell boards what rate theory now expects."""
        self._change = Change(what, detail, time.time(), await self.counters())
        await self.mark(kind="law", theory_rate=self._law())

    async def _changed(self, what: str, detail: str) -> None:
        await self.mark(what=what, detail=detail)
        await self._count_anew(what, detail)

    async def kill(self, server: str) -> None:
        await self._fleet.kill(server)
        await self._changed("kill", server)

    async def pause(self, server: str) -> None:
        await self._fleet.pause(server)
        await self._changed("pause", server)

    async def resume(self, server: str) -> None:
        await self._fleet.resume(server)  # at once: a switch may be waiting for its answer
        async with self._changing:  # and one may have begun without it
            await self._fleet.follow(server)
        await self._changed("resume", server)

    async def partition(self, server: str) -> None:
        async with self._changing:
            await self._fleet.partition(server)
        await self._changed("partition", server)

    async def slow(self, server: str, delay: float, jitter: float = 0.0, rate: int = 0) -> None:
        lag = Lag(delay, jitter, rate)
        lag.check()
        async with self._changing:
            await self._fleet.slow(server, lag)
        await self._changed("slow", f"{server}, {lag}")

    async def reconnect(self, server: str) -> None:
        async with self._changing:
            await self._fleet.reconnect(server)
        await self._changed("reconnect", server)

    async def drain(self, server: str) -> None:
        async with self._changing:
            await self._fleet.drain(server, True)
        await self._changed("drained", server)

    async def undrain(self, server: str) -> None:
        async with self._changing:
            await self._fleet.drain(server, False)
        await self._changed("undrained", server)

    async def restart(self, server: str) -> None:
        async with self._changing:
            await self._fleet.retire(server, forget=False)
            url = await self._stores.url(self._store)
            await self._fleet.add([server], self._store, url)
        await self._changed("restart", server)

    async def stop_store(self, hang: bool = False) -> None:
        async with self._changing:
            if self._away is not None:
                raise LabError(f"the {self._away} store is stopped already: start it first")
            if detour := await self._stores.detour(self._store):
                await self._fleet.switch(self._store, detour, migrate=False)
            await self._stores.stop(self._store, hang)
            self._away = self._store
        await self._changed("store_stopped", self._store)

    async def start_store(self) -> None:
        async with self._changing:
            if self._away is None:
                raise LabError("the store has not been stopped: nothing to start")
            await self._stores.start(self._away)
            away, self._away = self._away, None
            if self._stores.on_detour:
                if away == self._store:  # they have not been switched to another meanwhile
                    await self._fleet.switch(away, self._stores.direct(away), migrate=False)
                await self._stores.end_detour()
        await self._changed("store_started", away)

    async def need(self, store: str) -> None:
        async with self._changing:
            await self._stores.url(store)

    async def mark(self, **event: Any) -> None:
        await self.balancer.mark(**event)

    async def events(self, begin: bool = False) -> AsyncIterator[dict[str, Any]]:
        async with aclosing(self.balancer.events(state=begin)) as feed:
            async for event in feed:
                yield self._begin(event) if event["kind"] == "state" else event

    def _begin(self, state: dict[str, Any]) -> dict[str, Any]:
        servers = [self._fleet.servers[name].facts() for name in self.names()]
        return as_it_stands(self._store, self._law(), state, servers)

    async def store_calls(self) -> AsyncGenerator[dict[str, Any], None]:
        return await store_calls(self._fleet.servers.values())

    async def stop(self) -> None:
        """In the order that loses nothing: the balancer takes no more requests, servers finish, stores end."""
        try:
            with suppress(LabError):
                if hasattr(self, "_fleet"):
                    await self.balancer.end()
                    await self._fleet.end()
                    await self._stores.close()
        finally:
            await self._children.stop()
