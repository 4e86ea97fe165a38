"""The control channel's commands: state, live switches, marks, the feed (see servers/control.py for the protocol)."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from balancer.explain import explain
from balancer.names import let_go
from balancer.networks import parse_address
from balancer.pool import STEPS, Backend
from balancer.settings.addresses import parse_backend
from balancer.settings.config import require_policy
from balancer.settings.problems import ConfigError
from balancer.state import Balancer
from balancer.telling.events import begin
from balancer.telling.feed import line_of
from servers.control import Command, ControlError, Stream

MOST_LABEL = 256
"""Characters of a label, which every event carries."""
PATIENCE = 30.0
"""Seconds that `remove` waits for running requests when it is told to wait."""


class Control:
    """What can be asked of a running balancer."""

    def __init__(self, balancer: Balancer, address: str, stop: asyncio.Event) -> None:
        self._balancer = balancer
        self._address = address
        self._stop = stop
        self._leaving: dict[str, Backend] = {}
        """Removed, with requests still running."""
        self.commands: dict[str, Command] = {
            "state": self.state,
            "policy": self.policy,
            "add": self.add,
            "readdress": self.readdress,
            "drain": self.drain,
            "resume": self.resume,
            "remove": self.remove,
            "removed": self.removed,
            "label": self.label,
            "mark": self.mark,
            "explain": self.explain,
            "shutdown": self.shutdown,
        }
        self.streams: dict[str, Stream] = {"subscribe": self.subscribe}

    async def state(self) -> dict[str, Any]:
        return describe(self._balancer, self._address)

    async def policy(self, name: str) -> dict[str, Any]:
        require(str, name=name)
        try:
            require_policy(name)
        except ConfigError as problem:
            raise ControlError(str(problem)) from None
        self._balancer.use_policy(name)
        return {"policy": name}

    async def add(self, address: str, name: str = "", weight: int = 1, addresses: Sequence[str] = ()) -> dict[str, Any]:
        """`addresses`: of its host name, where that has been looked up already."""
        require(str, address=address, name=name)
        require(int, weight=weight)
        backend = await self.made(address, name, weight, addresses)
        if self._balancer.pool.find(backend.name):
            raise ControlError(f"{backend.name} is there already: remove it first, or choose another name")
        self._exchange([backend], [])
        return {"name": backend.name}

    async def exchange(self, come: Sequence[Sequence[Any]], go: Sequence[str]) -> dict[str, Any]:
        """Of a service (discovery.py): servers come and go at one moment, who may be thousands. `come`: the name, IP
        address, port and weight of each; `go`: names."""
        there = {backend.name: backend for backend in self._balancer.pool.backends}
        self._exchange(
            [Backend(*row) for row in come if row[0] not in there], [there[name] for name in go if name in there]
        )
        return {}

    def _exchange(self, come: Sequence[Backend], go: Sequence[Backend]) -> None:
        self._balancer.exchange(come, go)
        self._leaving = {each.name: each for each in (*self._leaving.values(), *go) if each.in_flight}

    async def made(self, address: str, name: str, weight: int, addresses: Sequence[str]) -> Backend:
        """A backend to be added, with all that its first request needs."""
        balancer, known = self._balancer, require_addresses(addresses)
        try:
            backend = parse_backend(f"{name}={address}*{weight}" if name else f"{address}*{weight}")
            backend.addresses = backend.addresses or known
            await balancer.names.find([backend])
            if backend.tls:
                await asyncio.to_thread(lambda: balancer.backend_tls)  # reading all authorities takes a moment
        except ConfigError as problem:
            raise ControlError(str(problem)) from None
        return backend

    async def readdress(self, name: str, address: str, addresses: Sequence[str] = ()) -> dict[str, Any]:
        """It is reached elsewhere from the next request on, and is the same in all else: its name, its users, its
        counts, its place among the others. What runs over connections to where it was goes on."""
        require(str, address=address)
        there = await self.made(address, self._find(name).name, 1, addresses)
        backend = self._find(name)
        backend.host, backend.port, backend.tls, backend.addresses = there.host, there.port, there.tls, there.addresses
        let_go(self._balancer, backend)
        return {"name": backend.name}

    async def drain(self, name: str | list[str], redispatch: bool = False) -> dict[str, Any]:
        """One or several get no new users, and keep those whom the policy knows to be their own.

        `redispatch`: they do not even keep them: each is moved at the next request, as long as there is a server to
        move to. Of an address policy's clients (ip_hash, rendezvous) none is kept in any case.
        """
        require(bool, redispatch=redispatch)
        names = name if isinstance(name, list) else [name]
        if not names:
            raise ControlError("name: an empty list means no backend; name those that are to be drained")
        backends = [self._find(each) for each in names]
        for backend in backends:
            backend.draining = True
            backend.leaving = redispatch
        self._balancer.pool.changed()
        for backend in backends:
            self._balancer.mark("drain", backend.name)
        return {"in_flight": sum(backend.in_flight for backend in backends)}

    async def resume(self, name: str) -> dict[str, Any]:
        """A drain is taken back."""
        backend = self._find(name)
        pool = self._balancer.pool
        if backend.draining:
            backend.draining = backend.leaving = False
            pool.came_up(backend)
            pool.changed()
            self._balancer.mark("undrain", backend.name)
        return {"name": backend.name}

    async def remove(self, name: str, wait: bool = False) -> dict[str, Any]:
        """It gets no more requests. `wait`: answer only when its running ones are over, so that it may be stopped."""
        require(bool, wait=wait)
        backend = self._find(name)
        self._exchange([], [backend])
        return await self.removed(backend.name) if wait else {"in_flight": backend.in_flight}

    async def removed(self, name: str) -> dict[str, Any]:
        """Answer when the running requests of a removed server are over."""
        require(str, name=name)
        backend = self._leaving.get(name)
        if backend is not None:
            await self._until_idle(backend)
        return {"in_flight": 0}

    async def label(self, **labels: str) -> dict[str, Any]:
        """Labels are stamped on every event; store=redis, for example."""
        for name, text in labels.items():
            if len(name) > MOST_LABEL or len(str(text)) > MOST_LABEL:
                raise ControlError(
                    f"the label {name[:20]!r} is too long: {MOST_LABEL} characters at most, name and value"
                )
        require(str, **labels)
        self._balancer.label(labels)
        return {"labels": self._balancer.labels}

    async def mark(self, event: dict[str, Any]) -> dict[str, Any]:
        """Puts any event into the feed, in its place among the requests."""
        require(dict, event=event)
        self._balancer.feed.put(line_of({"kind": "mark", "time": time.time(), **event}))
        return {"subscribers": len(self._balancer.feed.subscribers)}

    async def explain(self, request: str, client: str) -> dict[str, Any]:
        """What would become of a request that begins with these bytes (as Latin-1), if it came now from there."""
        require(str, request=request, client=client)
        try:
            lines, served = explain(self._balancer, request.encode("latin-1"), client, self._address)
        except (ConfigError, UnicodeError) as problem:
            raise ControlError(str(problem)) from None
        return {"lines": lines, "served": served}

    async def shutdown(self) -> dict[str, Any]:
        self._stop.set()
        return {}

    def subscribe(self, state: bool = False) -> AsyncIterator[str]:
        """Every event from now on. With `state` the first is the state at this moment (kind "state"): whoever adds up
        the events that follow has what the balancer counts. So those under way are told of, too, although nobody
        listened when they began; their duration is that from now on."""
        require(bool, state=state)
        if not state:
            return self._balancer.feed.subscribe()
        events = self._balancer.feed.subscribe(self.told(describe(self._balancer, self._address)))
        for client in self._balancer.clients:
            exchange = client.exchange
            if exchange is not None and not exchange.started and exchange.answer is None:
                exchange.started = begin(exchange)
        return events

    def told(self, state: dict[str, Any]) -> str:
        return line_of({"kind": "state", "time": self._balancer.wall(), **state})

    def _find(self, name: str) -> Backend:
        require(str, name=name)
        pool = self._balancer.pool
        backend = pool.find(name)
        if backend is None:
            known = ", ".join(b.name for b in pool.backends) or "none"
            raise ControlError(f"no backend is called {name!r}; there are: {known}")
        return backend

    async def _until_idle(self, backend: Backend) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._balancer.until_idle(backend)
        except TimeoutError:
            raise ControlError(f"{backend.name} still has {backend.in_flight} requests after {PATIENCE:g} s") from None


_KINDS = {str: "a text", int: "a whole number", bool: "true or false", dict: "an object"}


def require(kind: type, **values: object) -> None:
    """What comes in JSON may be anything. Raises ControlError for the first value of another type."""
    for name, value in values.items():
        if type(value) is not kind:
            raise ControlError(f"{name}: must be {_KINDS[kind]}, not {json.dumps(value, default=repr)[:80]}")


def require_addresses(value: object) -> tuple[str, ...]:
    """Raises ControlError for anything but a list of IP addresses."""
    if isinstance(value, list | tuple) and all(isinstance(each, str) and parse_address(each) for each in value):
        return tuple(value)
    raise ControlError(f"addresses: must be a list of IP addresses, not {json.dumps(value, default=repr)[:80]}")


def describe(balancer: Balancer, address: str) -> dict[str, Any]:
    """The state: JSON for the control channel and the admin port."""
    return {
        "address": address,
        "admin": balancer.admin_address,
        "policy": balancer.policy_name,
        "labels": balancer.labels,
        "connections": len(balancer.clients),
        "turned_away": dict(balancer.turned_away),
        "subscribers": len(balancer.feed.subscribers),
        "log_dropped": balancer.log.file.dropped if balancer.log is not None else 0,
        "totals": balancer.pool.totals().record(),
        "backends": [
            {
                "name": b.name,
                "address": b.address,
                "addresses": list(b.addresses),
                "tls": b.tls,
                "healthy": b.healthy,
                "trouble": b.trouble,
                "draining": b.draining,
                "leaving": b.leaving,
                "share": b.step / STEPS,
                "weight": b.weight,
                "in_flight": b.in_flight,
                **b.counts.record(),
            }
            for b in balancer.pool.backends
        ],
    }
