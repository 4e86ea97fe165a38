"""Servers that are found by a name: each address the name has is a server, and servers come and go with its records.

So a service is known in Docker (`--scale`), in Swarm (`tasks.NAME`) and in Kubernetes (a headless Service). A look-up
that fails, hangs or finds nothing changes nothing: whoever answers for names may be away while the servers are there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from balancer.control import Control
from balancer.names import PATIENCE, Resolve
from balancer.networks import host_port
from balancer.pool import Backend
from balancer.say import say
from balancer.settings.addresses import parse_backend
from balancer.state import Balancer
from servers.control import Command, ControlError


class Discovery:
    """What `--backend-dns` names, looked up each `resolve_interval` seconds."""

    def __init__(
        self,
        balancer: Balancer,
        control: Control,
        resolve: Resolve,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.paused: Callable[[], bool] = lambda: False
        """While this is true nothing is changed: the next balancer takes over."""
        self._balancer = balancer
        self._control = control
        self._resolve = resolve
        self._sleep = sleep
        self._services = [parse_backend(text) for text in balancer.config.backend_dns]
        self._lost: set[str] = set()

    def lasting(self, remove: Command) -> Command:
        """The command, refused for a server that the next look-up would bring back."""

        @wraps(remove)
        async def done(name: str, wait: bool = False) -> dict[str, Any]:
            backend = self._balancer.pool.find(name)
            for service in self._services if backend is not None else ():
                if backend in self._known(service):
                    raise ControlError(
                        f"{backend.name} was found by --backend-dns {service.address}, and would be back at the next"
                        " look-up: drain it (with redispatch it loses its users, too), or take its address out of DNS"
                    )
            return await remove(name, wait)

        return done

    async def begin(self) -> None:
        """The first look-up. A name without an address is no reason not to start: its servers may come later."""
        await asyncio.gather(*(self._look_up(service) for service in self._services))

    async def watch(self) -> None:
        while self._services:
            await self._sleep(self._balancer.config.resolve_interval)
            await self.begin()

    async def _look_up(self, service: Backend) -> None:
        addresses: list[str] = []
        with suppress(OSError):  # TimeoutError is one
            async with asyncio.timeout(PATIENCE):
                addresses = one_family(list(await self._resolve(service.host)))
        if not addresses:
            if service.name not in self._lost:
                self._lost.add(service.name)
                say(f"--backend-dns {service.address}: no address is known; what was known stays in use")
                self._balancer.mark("unresolved", service.host)
        elif not self.paused():
            self._lost.discard(service.name)
            await self._use(service, addresses)

    async def _use(self, service: Backend, addresses: list[str]) -> None:
        """All at once, however many they are."""
        found = {f"{service.host}-{host_port(address, service.port)}": address for address in sorted(addresses)}
        known = {backend.name for backend in self._known(service)}
        come = [(name, host, service.port, service.weight) for name, host in found.items() if name not in known]
        go = [name for name in known if name not in found]
        try:
            if come or go:
                await self._control.exchange(come, go)
        except ControlError as problem:
            say(f"--backend-dns {service.address}: {problem}")

    def _known(self, service: Backend) -> list[Backend]:
        """Its servers, as found so far."""
        mine = f"{service.host}-"
        return [b for b in self._balancer.pool.backends if b.name.startswith(mine) and b.port == service.port]


def one_family(addresses: list[str]) -> list[str]:
    """A server that has an IPv4 and an IPv6 address is still one server: IPv4's, where there are any."""
    return [address for address in addresses if ":" not in address] or addresses
