"""Another proxy in the balancer's place: started, given its configuration, asked which one is in force, and counted.

What it does to sessions is in its access log, which may be a moment behind. Before anything is told of the counts, a
request of the lab's own goes through the proxy, and when that is in the log, so is every answer before it.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from scenarios.cluster.balancers.counted_log import CountedLog
from scenarios.cluster.balancers.setting import GENERATION, PROBE, Proxy, Setting
from scenarios.cluster.children import Children
from scenarios.cluster.programs import Program, Running, end, last_line
from scenarios.cpu import cpu_seconds
from scenarios.errors import LabError

IN_FORCE_WITHIN = 20.0
"""Seconds that a configuration may take until it is in force."""
ANSWERS_WITHIN = 5.0
WORKERS_LEAVE_WITHIN = 30.0
SIGNAL_AGAIN = 5.0
STOPS_WITHIN = 3.0
ASK_AGAIN = 0.01


class ProxyBalancer:
    """Implements `Balancer`. Raises LabError when the proxy lacks the policy."""

    def __init__(self, proxy: Proxy, children: Children, settings: Mapping[str, Any]) -> None:
        if not settings.keys() <= {"listen", "policy"}:
            raise LabError(f"{proxy.name} has no --admin: leave it out, or leave out --balancer {proxy.name}")
        self._proxy = proxy
        self._children = children
        self._wanted = settings["listen"]
        self._counted = CountedLog(proxy, Setting("", self._known(settings["policy"]), {}))
        self._reached = ""
        self._running: Running
        self._log = proxy.access_log.with_name(f"{proxy.name}.log")
        self._changing = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None

    async def until_ready(self) -> str:
        proxy = self._proxy
        path = self._children.find(proxy.name, proxy.package)
        listen = self._children.open_port(self._wanted)
        self._counted.setting = replace(self._counted.setting, listen=listen)
        self._write()
        argv = (path, *proxy.arguments(self._counted.setting))
        program = Program(proxy.name, argv, str(self._log), end_signal=proxy.end, published=self._wanted)
        self._running = await self._children.launch(program)
        self._counted.open()
        self._reached = await self._children.reached(self._running, listen)
        self._ended = asyncio.ensure_future(self._running.wait())
        await self._until_in_force(self._children.ready_within)
        self._reading = asyncio.create_task(self._counted.follow())
        return self._reached

    async def until_ended(self) -> None:
        await self._running.wait()

    async def end(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if hasattr(self, "_running"):
            await end(self._running, self._proxy.end, STOPS_WITHIN)
            self._counted.close()

    async def cpu(self) -> float:
        return cpu_seconds([self._running.pid, *await self._children.workers(self._running)])

    async def state(self) -> dict[str, Any]:
        await self._catch_up()
        return self._counted.state()

    async def label(self, store: str) -> None:
        self._counted.store = store

    async def use_policy(self, name: str) -> None:
        known = self._known(name)
        await self._become(lambda now: replace(now, policy=known))
        await self.mark(what="policy", detail=name)

    async def add(self, servers: Mapping[str, str]) -> None:
        self._counted.add(servers)
        await self._become(lambda now: replace(now, servers={**now.servers, **servers}))

    async def readdress(self, name: str, address: str) -> None:
        self._counted.leave(name)
        await self._become(lambda now: replace(now, servers={**now.servers, name: address}))

    async def drain(self, name: str) -> None:
        await self._become(lambda now: replace(now, draining=now.draining | {name}))
        await self.mark(what="drain", detail=name)

    async def undrain(self, name: str) -> None:
        await self._become(lambda now: replace(now, draining=now.draining - {name}))
        await self.mark(what="undrain", detail=name)

    async def remove(self, name: str, wait: bool = False) -> None:
        self._counted.leave(name)
        await self._become(lambda now: now.without(name))
        self._counted.drop(name)

    async def reload(self) -> None:
        await self._become(lambda now: now)

    async def mark(self, **event: Any) -> None:
        self._counted.tell({"kind": "mark", "time": time.time(), **event})

    async def events(self, state: bool = False) -> AsyncGenerator[dict[str, Any], None]:
        await self._catch_up()
        async with aclosing(self._counted.events(state)) as events:
            async for event in events:
                yield event

    def _known(self, policy: str) -> str:
        if policy not in self._proxy.policies:
            there = ", ".join(self._proxy.policies)
            raise LabError(f"{self._proxy.name} has no policy {policy}: choose one of {there}, or --balancer ours")
        return policy

    # Its configuration

    async def _become(self, other: Callable[[Setting], Setting]) -> None:
        """Return when this is in force, and nobody works by the one before."""
        async with self._changing:
            before = await self._children.workers(self._running)
            self._counted.setting = replace(
                other(self._counted.setting), generation=self._counted.setting.generation + 1
            )
            self._write()
            await self._until_in_force(IN_FORCE_WITHIN, self._proxy.reload)
            if self._proxy.reload is not None:
                await self._until_gone(before)

    def _write(self) -> None:
        """Whole files only: a watcher must never see half of one."""
        for path, text in self._proxy.files(self._counted.setting).items():
            path.parent.mkdir(exist_ok=True)
            new = path.with_name(f".{path.name}.new")
            new.write_text(text)
            new.rename(path)

    async def _until_in_force(self, within: float, reload: int | None = None) -> None:
        """Say `reload` again when it seems lost: HAProxy misses a signal while it is busy with the one before."""
        deadline, again = time.monotonic() + within, time.monotonic()
        while await self._generation() != str(self._counted.setting.generation):
            if time.monotonic() > deadline:
                raise LabError(f"{self._proxy.name} did not take its configuration: {self._said()}")
            if reload is not None and time.monotonic() >= again:
                await self._running.signal(reload)
                again += SIGNAL_AGAIN
            await asyncio.sleep(ASK_AGAIN)

    async def _until_gone(self, workers: set[int]) -> None:
        """Workers of the configuration before finish what they have begun."""
        deadline = time.monotonic() + WORKERS_LEAVE_WITHIN
        while workers and time.monotonic() < deadline:
            await asyncio.sleep(ASK_AGAIN)
            workers = workers & await self._children.workers(self._running)

    async def _generation(self, query: str = "") -> str | None:
        """Which configuration is in force; None when nobody answers. Raises LabError when the proxy has ended."""
        if self._ended.done():
            raise LabError(f"{self._proxy.name} has ended: {self._said()}")
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                head = await self._answer(f"GET {PROBE}{query} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
        except OSError:  # TimeoutError is one
            return None
        fields = (line.partition(":") for line in head.split("\r\n"))
        return next((value.strip() for name, _, value in fields if name.lower() == GENERATION.lower()), None)

    async def _answer(self, request: str) -> str:
        host, _, port = self._reached.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(request.encode())
            return (await reader.read()).decode("latin-1")
        finally:
            writer.close()

    async def _catch_up(self) -> None:
        """Return when everything that has been answered so far is counted."""
        try:
            async with asyncio.timeout(IN_FORCE_WITHIN):
                number = self._counted.next_probe()
                await self._generation(f"?{number}")
                await self._counted.until_seen(number)
        except TimeoutError:
            raise LabError(f"{self._proxy.name} does not answer; stop this lab and start it again") from None

    def _said(self) -> str:
        self._counted.read()
        return self._counted.notice or last_line(self._log)
