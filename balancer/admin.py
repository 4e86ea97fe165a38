"""The control channel and the admin port: state, live switches, the feed, metrics. All a balancer says of itself."""

import time
from collections.abc import AsyncIterator
from typing import Any

from balancer.config import ConfigError, require_policy, split_address
from balancer.policies import POLICIES
from balancer.pool import Backend
from balancer.proxy import Proxy
from servers.control import Command, ControlError


class Admin:
    """What can be asked of a running balancer; `commands` and `streams` are for servers.control.serve_control."""

    def __init__(self, proxy: Proxy, address: str) -> None:
        self._proxy = proxy
        self._address = address
        self.commands: dict[str, Command] = {
            "state": self.state, "policy": self.policy, "add": self.add, "drain": self.drain, "remove": self.remove,
            "wait_idle": self.wait_idle, "label": self.label, "mark": self.mark,
        }  # fmt: skip
        self.streams = {"subscribe": self.subscribe}

    async def state(self) -> dict[str, Any]:
        proxy = self._proxy
        return {
            "address": self._address,
            "policy": proxy.policy_name,
            "labels": proxy.labels,
            "connections": len(proxy.fronts),
            "refused": proxy.refused,
            "totals": proxy.pool.totals().record(),
            "backends": [describe(backend) for backend in proxy.pool.backends],
        }

    async def policy(self, name: str) -> dict[str, Any]:
        try:
            require_policy(name)
        except ConfigError as problem:
            raise ControlError(str(problem)) from None
        self._proxy.policy = POLICIES[name](self._proxy.rng)
        self._proxy.policy_name = name
        self._proxy.mark("policy", name)
        return {}

    async def add(self, address: str, name: str = "", weight: int = 1) -> dict[str, Any]:
        try:
            host, port = split_address(address)
        except ConfigError as problem:
            raise ControlError(str(problem)) from None
        if self._proxy.pool.find(name or address):
            raise ControlError(f"{name or address} is there already: remove it first, or choose another name")
        self._proxy.pool.add(Backend(name or address, host, port, weight))
        self._proxy.mark("add", name or address)
        return {}

    async def drain(self, name: str) -> dict[str, Any]:
        self._find(name).draining = True
        self._proxy.pool.changed()
        self._proxy.mark("drain", name)
        return {}

    async def wait_idle(self, name: str) -> dict[str, Any]:
        await self._proxy.wait_idle(self._find(name))
        return {}

    async def remove(self, name: str, wait: bool = False) -> dict[str, Any]:
        """It gets nothing new from now on; `wait` answers only once it has answered what it already got."""
        backend = self._find(name)
        self._proxy.pool.remove(backend)
        self._proxy.close_idle(backend)
        self._proxy.mark("remove", name)
        if wait:
            await self._proxy.wait_idle(backend)
        return {}

    async def label(self, **labels: str) -> dict[str, Any]:
        self._proxy.labels.update(labels)
        return {}

    async def mark(self, event: dict[str, Any]) -> dict[str, Any]:
        if self._proxy.feed:
            self._proxy.feed.put({"time": time.time(), **event})
        return {}

    def subscribe(self) -> AsyncIterator[dict[str, Any]]:
        return self._proxy.feed.subscribe()

    def _find(self, name: str) -> Backend:
        backend = self._proxy.pool.find(name)
        if backend is None:
            known = ", ".join(b.name for b in self._proxy.pool.backends) or "none"
            raise ControlError(f"no backend is called {name!r}; there are: {known}")
        return backend


def describe(backend: Backend) -> dict[str, Any]:
    return {
        "name": backend.name, "address": backend.address, "healthy": backend.healthy, "draining": backend.draining,
        "weight": backend.weight, "in_flight": backend.in_flight, **backend.counts.record(),
    }  # fmt: skip
