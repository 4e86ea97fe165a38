"""What a proxy's access log adds up to: counts as our own balancer has them, and a feed for whoever listens."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any

from balancer.counts import Counts
from balancer.telling.feed import Feed, line_of
from balancer.telling.log_lines import LEFT
from scenarios.cluster.balancers.access_log import Tail, event
from scenarios.cluster.balancers.setting import PROBE, Proxy, Setting

READ_AGAIN = 0.02
SOON = 0.001


class CountedLog:
    """Reads all of the log once. `setting` and `store` are what is in force; `notice`: what else the proxy has said."""

    def __init__(self, proxy: Proxy, setting: Setting) -> None:
        self.setting = setting
        self.store: str | None = None
        self.notice = ""
        self._proxy = proxy
        self._tail: Tail
        self._totals = Counts()
        self._counts: dict[str, Counts] = {}
        self._formerly: dict[str, str] = {}  # who was reached there: what runs there still is logged later
        self._feed = Feed()
        self._probes = 0
        self._seen = 0

    def open(self) -> None:
        self._tail = Tail(self._proxy.access_log)

    def close(self) -> None:
        self._tail.close()

    async def follow(self) -> None:
        while True:
            await asyncio.sleep(READ_AGAIN)
            self.read()

    def add(self, names: Iterable[str]) -> None:
        self._counts |= {name: Counts() for name in names}

    def leave(self, name: str) -> None:
        """It will have another address, or none."""
        if address := self.setting.servers.get(name):
            self._formerly[address] = name

    def drop(self, name: str) -> None:
        """What it has answered stays in the totals."""
        self.read()
        self._counts.pop(name, None)

    def next_probe(self) -> int:
        """The number of a request of the lab's own, for its query."""
        self._probes += 1
        return self._probes

    async def until_seen(self, probe: int) -> None:
        """Return when it is in the log, with all that was answered before it."""
        self.read()
        while self._seen < probe:
            await asyncio.sleep(SOON)
            self.read()

    def read(self) -> None:
        """Count what has come since the last time."""
        names = self._formerly | {address: name for name, address in self.setting.servers.items()}
        for told in self._tail.lines():
            try:
                line = self._proxy.line(told)
            except (ValueError, KeyError):
                line = None
            if line is None:
                self.notice = told.decode(errors="replace").strip() or self.notice
            elif line["path"].startswith(PROBE):
                self._seen = max(self._seen, number_in(line["path"]))
            else:
                self._count(line, names.get(line.get("server") or "", line.get("server")))

    def state(self) -> dict[str, Any]:
        """As `Balancer.state` has it."""
        setting = self.setting
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

    def tell(self, event: Mapping[str, Any]) -> None:
        self._feed.put(line_of(dict(event)))

    async def events(self, state: bool) -> AsyncGenerator[dict[str, Any], None]:
        """From now on; with `state` the first is the state at this moment."""
        batches = self._feed.subscribe(line_of({"kind": "state", **self.state()}) if state else "")
        try:
            async for batch in batches:
                for line in batch.splitlines():
                    yield json.loads(line)
        finally:
            await batches.aclose()

    def _count(self, line: Mapping[str, Any], server: str | None) -> None:
        counted = self._counts.get(server or "")
        status = line["status"] if 100 <= line["status"] < 600 else LEFT
        for counts in (self._totals, *([counted] if counted is not None else [])):
            counts.answered(status, line.get("outcome") or None, bool(line.get("sent")))
        if self._feed.subscribers:
            known = server if counted is not None else None
            self.tell(event({**line, "status": status}, known, self.setting.policy, self.store))


def number_in(path: str) -> int:
    """Of one of our own requests; somebody else may ask there, too."""
    query = path.partition("?")[2]
    return int(query) if query.isdecimal() else 0
