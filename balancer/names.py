"""The addresses of backends that are known by a name: looked up at the start, and again and again beside the traffic.

No request waits for a look-up, and none that fails or hangs changes anything: the last known addresses stay.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from balancer.pool import Backend
from balancer.processes.descriptors import scarce
from balancer.settings.problems import ConfigError

if TYPE_CHECKING:
    from balancer.state import Balancer

_T = TypeVar("_T")
Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""A name's addresses, the best first. Raises OSError when there is none, or nobody can be asked."""
PATIENCE = 10.0
"""Seconds for the first look-up of a name, without which nothing can begin."""


async def system_resolver(name: str) -> list[str]:
    """As the system does it (hosts file, DNS), in an order that suits this machine (RFC 6724).

    In a thread that nobody waits for: a look-up may hang for half a minute, and must not hold up the process's end.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def told(addresses: list[str], problem: OSError | None) -> None:
        if not answer.done():
            answer.set_result(addresses) if problem is None else answer.set_exception(problem)

    def ask() -> None:
        addresses, problem = [], None
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        except OSError as failure:
            problem = failure
        except UnicodeError:
            problem = OSError(f"{name} can be no name")
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(told, addresses, problem)

    Thread(target=ask, daemon=True).start()
    return await answer


async def try_each(backend: Backend, within: float, attempt: Callable[[str], Awaitable[_T]]) -> _T:
    """What comes of `attempt` at the first address that answers, which is the first to be tried from then on.

    Each has its share of the `within` seconds: one that is silent must not use up the others' time. Raises the last
    one's OSError (TimeoutError is one), or at once the one that says that we are out of descriptors.
    """
    addresses = backend.addresses or (backend.host,)
    problem = OSError(f"{backend.host} has no address")
    for address in addresses:
        try:
            async with asyncio.timeout(within / len(addresses)):
                made = await attempt(address)
        except OSError as failure:
            if scarce(failure):
                raise
            problem = failure
            continue
        if address != addresses[0] and backend.addresses is addresses:
            backend.addresses = (address, *(each for each in addresses if each != address))
        return made
    raise problem


class Names:
    """Of one balancer. A name is looked up each `resolve_interval` seconds, one look-up at a time.

    The system does not tell how long an answer may be kept (TTL). HAProxy's `hold valid` is ten seconds, too.
    """

    def __init__(self, balancer: "Balancer") -> None:
        self.resolve: Resolve = system_resolver
        self.required = True
        """Whether a first look-up has to succeed. Not in a worker, whose parent has judged that."""
        self._balancer = balancer
        self._due = balancer.now
        self._running: set[str] = set()
        self._lost: set[str] = set()

    async def find(self, backends: Iterable[Backend]) -> None:
        """Before their first request. Raises ConfigError when one has no address."""
        await asyncio.gather(*(self._first(backend) for backend in backends if not backend.addresses))

    async def _first(self, backend: Backend) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                backend.addresses = tuple(await self.resolve(backend.host))
        except OSError:
            pass
        if self.required and not backend.addresses:
            raise ConfigError(f"backend {backend.name}: no address is known for {backend.host}; correct the name, "
                              "or see why it cannot be looked up")  # fmt: skip

    def sweep(self, now: float) -> None:
        """Begin the look-ups that are due."""
        if now < self._due:
            return
        self._due = now + self._balancer.config.resolve_interval
        for name in {backend.host for backend in self._balancer.pool.backends if backend.named} - self._running:
            self._running.add(name)
            self._balancer.run(self._look_up(name))

    async def _look_up(self, name: str) -> None:
        try:
            addresses = tuple(await self.resolve(name))
        except OSError:
            addresses = ()
        finally:
            self._running.discard(name)
        if addresses:
            self._lost.discard(name)
        elif name not in self._lost:
            self._lost.add(name)
            self._balancer.mark("unresolved", name)
        for backend in self._balancer.pool.backends:
            if addresses and backend.host == name:
                self._use(backend, addresses)

    def _use(self, backend: Backend, addresses: tuple[str, ...]) -> None:
        """The one in use stays the first, if it still is one. Connections to others that are gone end after what they
        are doing."""
        before = backend.addresses
        if set(before) == set(addresses):
            return
        kept = before[:1] if before and before[0] in addresses else ()
        backend.addresses = kept + tuple(address for address in addresses if address not in kept)
        let_go(self._balancer, backend, backend.addresses)
        self._balancer.mark("addresses", f"{backend.name}: {', '.join(backend.addresses)}")


def let_go(balancer: "Balancer", backend: Backend, but: Sequence[str] = ()) -> None:
    """Its connections end after what they are doing; not those to the addresses `but`."""
    for upstream in [each for each in balancer.upstreams if each.backend is backend]:
        if upstream.address not in but:
            upstream.outdated = True
            if upstream in backend.idle:
                upstream.close()
    backend.trust.forget()
