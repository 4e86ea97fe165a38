"""Another proxy in the balancer's place: started, given its configuration, asked which one is in force, and counted.

What it does to sessions is in its access log. The log may be a moment behind; before anything is told of the counts,
a request of the lab's own goes through the proxy, and when that is in the log, so is every answer before it.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any

from balancer.counts import Counts
from balancer.telling.feed import Feed, line_of
from balancer.telling.log_lines import LEFT
from scenarios.cluster.balancers.access_log import Tail, event
from scenarios.cluster.balancers.setting import GENERATION, PROBE, Proxy, Setting
from scenarios.cluster.children import Children
from scenarios.cluster.programs import Program, Running, end, last_line
from scenarios.cpu import cpu_seconds
from scenarios.errors import LabError

IN_FORCE_WITHIN = 10.0
"""Seconds that a configuration may take until it is in force."""
WORKERS_LEAVE_WITHIN = 30.0
SIGNAL_AGAIN = 1.0
STOPS_WITHIN = 3.0
ASK_AGAIN = 0.01
READ_AGAIN = 0.02


class ProxyBalancer:
    """Implements `Balancer`. Raises LabError when the proxy lacks the policy."""

    def __init__(self, proxy: Proxy, children: Children, settings: Mapping[str, Any]) -> None:
        if not settings.keys() <= {"listen", "policy"}:
            raise LabError(f"{proxy.name} has no --admin: leave it out, or leave out --balancer {proxy.name}")
        self._proxy = proxy
        self._children = children
        self._wanted = settings["listen"]
        self._setting = Setting("", self._known(settings["policy"]), {})
        self._reached = ""
        self._store: str | None = None
        self._running: Running
        self._log = proxy.access_log.with_name(f"{proxy.name}.log")
        self._tail: Tail
        self._reading: asyncio.Task[None] | None = None
        self._totals = Counts()
        self._counts: dict[str, Counts] = {}
        self._formerly: dict[str, str] = {}  # who was reached there: what runs there still is logged later
        self._probes = 0
        self._seen = 0  # the last of our own requests that was in the log
        self._notice = ""  # what else it has said there
        self._feed = Feed()

    async def until_ready(self) -> str:
        proxy = self._proxy
        path = self._children.find(proxy.name, proxy.package)
        listen = self._children.open_port(self._wanted)
        self._setting = replace(self._setting, listen=listen)
        self._tail = Tail(proxy.access_log)
        self._write()
        argv = (path, *proxy.arguments(self._setting))
        program = Program(proxy.name, argv, str(self._log), end_signal=proxy.end, published=self._wanted)
        self._running = await self._children.launch(program)
        self._reached = await self._children.reached(self._running, listen)
        self._ended = asyncio.ensure_future(self._running.wait())
        await self._until_in_force(self._children.ready_within)
        self._reading = asyncio.create_task(self._read())
        return self._reached

    async def until_ended(self) -> None:
        await self._running.wait()

    async def end(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if hasattr(self, "_running"):
            await end(self._running, self._proxy.end, STOPS_WITHIN)
            self._tail.close()

    async def cpu(self) -> float:
        return cpu_seconds([self._running.pid, *await self._children.workers(self._running)])

    async def state(self) -> dict[str, Any]:
        await self._catch_up()
        return self._now()

    async def label(self, store: str) -> None:
        self._store = store

    async def use_policy(self, name: str) -> None:
        await self._become(replace(self._setting, policy=self._known(name)))
        await self.mark(what="policy", detail=name)

    async def add(self, servers: Mapping[str, str]) -> None:
        self._counts |= {name: Counts() for name in servers}
        await self._become(replace(self._setting, servers={**self._setting.servers, **servers}))

    async def readdress(self, name: str, address: str) -> None:
        self._formerly[self._setting.servers[name]] = name
        await self._become(replace(self._setting, servers={**self._setting.servers, name: address}))

    async def drain(self, name: str) -> None:
        await self._become(replace(self._setting, draining=self._setting.draining | {name}))
        await self.mark(what="drain", detail=name)

    async def undrain(self, name: str) -> None:
        await self._become(replace(self._setting, draining=self._setting.draining - {name}))
        await self.mark(what="undrain", detail=name)

    async def remove(self, name: str, wait: bool = False) -> None:
        servers = {other: at for other, at in self._setting.servers.items() if other != name}
        await self._become(replace(self._setting, servers=servers, draining=self._setting.draining - {name}))
        self._read_now()
        self._counts.pop(name, None)

    async def reload(self) -> None:
        await self._become(self._setting)

    async def mark(self, **event: Any) -> None:
        self._feed.put(line_of({"kind": "mark", "time": time.time(), **event}))

    async def events(self, state: bool = False) -> AsyncGenerator[dict[str, Any], None]:
        await self._catch_up()
        batches = self._feed.subscribe(line_of({"kind": "state", **self._now()}) if state else "")
        try:
            async for batch in batches:
                for line in batch.splitlines():
                    yield json.loads(line)
        finally:
            await batches.aclose()

    def _known(self, policy: str) -> str:
        if policy not in self._proxy.policies:
            there = ", ".join(self._proxy.policies)
            raise LabError(f"{self._proxy.name} has no policy {policy}: choose one of {there}, or --balancer ours")
        return policy

    # Its configuration

    async def _become(self, setting: Setting) -> None:
        """Return when this is in force, and nobody works by the one before."""
        before = await self._children.workers(self._running)
        self._setting = replace(setting, generation=self._setting.generation + 1)
        self._write()
        await self._until_in_force(IN_FORCE_WITHIN, self._proxy.reload)
        if self._proxy.reload is not None:
            await self._until_gone(before)

    def _write(self) -> None:
        """Whole files only: a watcher must never see half of one."""
        for path, text in self._proxy.files(self._setting).items():
            path.parent.mkdir(exist_ok=True)
            new = path.with_name(f".{path.name}.new")
            new.write_text(text)
            new.rename(path)

    async def _until_in_force(self, within: float, reload: int | None = None) -> None:
        """Say `reload` each second: who is still busy with the one before misses a signal (HAProxy does)."""
        deadline, again = time.monotonic() + within, time.monotonic()
        while await self._generation() != str(self._setting.generation):
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
        host, _, port = self._reached.rpartition(":")
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            return None
        try:
            writer.write(f"GET {PROBE}{query} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n".encode())
            head = (await reader.read()).decode("latin-1")
        except OSError:
            return None
        finally:
            writer.close()
        fields = (line.partition(":") for line in head.split("\r\n"))
        return next((value.strip() for name, _, value in fields if name.lower() == GENERATION.lower()), None)

    # Its access log

    def _said(self) -> str:
        self._read_now()
        return self._notice or last_line(self._log)

    def _now(self) -> dict[str, Any]:
        setting = self._setting
        backends = [
            {
                "name": name,
                "address": address,
                "healthy": True,  # its own checks are its own affair; the lab knows which process lives
                "draining": name in setting.draining,
                **self._counts[name].record(),
            }
            for name, address in setting.servers.items()
        ]
        told = {"time": time.time(), "admin": "", "policy": setting.policy, "totals": self._totals.record()}
        return {**told, "backends": backends}

    async def _read(self) -> None:
        while True:
            await asyncio.sleep(READ_AGAIN)
            self._read_now()

    async def _catch_up(self) -> None:
        """Return when everything that has been answered so far is counted."""
        self._probes += 1
        mine = self._probes
        async with asyncio.timeout(IN_FORCE_WITHIN):
            await self._generation(f"?{mine}")
            self._read_now()
            while self._seen < mine:
                await asyncio.sleep(0.001)
                self._read_now()

    def _read_now(self) -> None:
        names = self._formerly | {address: name for name, address in self._setting.servers.items()}
        for told in self._tail.lines():
            try:
                line = self._proxy.line(told)
            except (ValueError, KeyError):
                line = None
            if line is None:
                self._notice = told.decode(errors="replace").strip() or self._notice
                continue
            if line["path"].startswith(PROBE):
                self._seen = max(self._seen, number_in(line["path"]))
                continue
            self._count(line, names.get(line.get("server") or "", line.get("server")))

    def _count(self, line: Mapping[str, Any], server: str | None) -> None:
        counted = self._counts.get(server or "")
        status = line["status"] if 100 <= line["status"] < 600 else LEFT
        for counts in (self._totals, *([counted] if counted is not None else [])):
            counts.answered(status, line.get("outcome") or None, bool(line.get("sent")))
        if self._feed.subscribers:
            known = server if counted is not None else None
            self._feed.put(line_of(event(line, known, self._setting.policy, self._store)))


def number_in(path: str) -> int:
    """Of one of our own requests; somebody else may ask there, too."""
    query = path.partition("?")[2]
    return int(query) if query.isdecimal() else 0
