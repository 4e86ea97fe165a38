"""What outlives a request: the pool, the policy in force, counters, the feed, open connections and the coarse clock."""

import asyncio
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any

from balancer.dates import Dates
from balancer.heads import SharedHeads
from balancer.names import Names
from balancer.networks import parse_networks
from balancer.policies import POLICIES
from balancer.policies.affinity import PERIODS
from balancer.policies.base import PolicyOptions
from balancer.pool import Backend, Pool
from balancer.say import say
from balancer.settings.config import BalancerConfig
from balancer.settings.tls import backend_context, reason_of
from balancer.telling.events import stamp, tell_feed
from balancer.telling.feed import Feed, line_of

if TYPE_CHECKING:
    from balancer.arrival import Arrival
    from balancer.front import Client
    from balancer.proxy import Exchange
    from balancer.telling.access_log import AccessLog
    from balancer.upstream import Upstream

SWEEP = 0.25
"""Seconds between two looks at all time limits: one pass over everybody is cheaper than a timer per request."""

STEADY = 10
"""Health intervals that a server has to stay up for its falls to be forgotten."""
ASLEEP = 1.0
"""Seconds between two sweeps that only a process takes that was stopped, or whose whole machine was."""


class Balancer:
    """One balancer. Whoever serves a request finds here what all requests share."""

    def __init__(
        self,
        config: BalancerConfig,
        rng: Random,
        secret: bytes,
        clock: Callable[[], float],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`clock` only ever goes on, and measures; `wall` tells the time of day."""
        self.config = config
        self.pool = Pool(slow_start=config.slow_start, renew=config.sticky_max_age / PERIODS)
        self.tellers: list[Callable[[Exchange, int | None], None]] = []
        """Called for every request that is over, with the status of our own answer, if it was ours. Empty: no cost."""
        self.feed = Feed(self._feed_is_read)
        self.log: AccessLog | None = None
        self.heads = SharedHeads()
        self.hangups: list[Callable[[], None]] = []
        """Called on SIGHUP: files are opened anew."""
        self.labels: dict[str, str] = {}
        self.admin_address = ""
        """Where the admin port is; serve.py says."""
        self.stopping = False
        self.clients: set[Client | Arrival] = set()
        self.turned_away: Counter[str] = Counter()
        """Connections that came to no request, by the reason why (telling/metrics.py names them all)."""
        self.trusted_forwarders = parse_networks(config.trusted_forwarders)
        self.upstreams: set[Upstream] = set()
        self.most_clients = config.max_connections
        self.most_upstreams = sys.maxsize
        """Connections there is room for; serve.py lowers them to what the limit on open files allows."""
        self.connecting = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.in_flight_of: dict[bytes, int] = {}
        """Requests in flight by session ID, for the feed; kept while there are tellers of any kind."""
        self.policy_options = PolicyOptions(rng, secret, clock=wall, sticky=config.sticky_options)
        self.secret = secret
        self.clock = clock
        self.wall = wall
        self.dates = Dates(wall)
        self._empty: asyncio.Future[None] | None = None
        self._waiting: dict[Backend, list[asyncio.Future[None]]] = {}
        self.pool.now = self._look_at_clock()
        self.names = Names(self)
        self.use_policy(config.policy)

    def use_policy(self, name: str) -> None:
        self.policy = POLICIES[name](self.policy_options)
        self.pick = self.policy.pick
        self.policy_name = name
        self.label({})
        self.mark("policy", name)

    def mark(self, what: str, detail: str) -> None:
        if self.feed.subscribers:
            self.feed.put(line_of({"kind": "mark", "time": self.wall(), "what": what, "detail": detail}))

    def _feed_is_read(self, listening: bool) -> None:
        """Nothing is made for nobody."""
        if listening:
            self.tellers.append(tell_feed)
        else:
            self.tellers.remove(tell_feed)

    def use_log(self, log: "AccessLog") -> None:
        """From the next connection on."""
        self.log = log
        self.tellers.append(log.tell)
        self.hangups.append(log.reopen)

    def label(self, labels: dict[str, str]) -> None:
        """Stamp these on every event."""
        self.labels.update(labels)
        self.stamp = stamp(self.policy_name, self.labels)

    def hang_up(self) -> None:
        """SIGHUP has come."""
        for opened_anew in self.hangups:
            opened_anew()

    first_context: ssl.SSLContext | None = None
    """What a worker's listener shows until SIGHUP: its parent has kept the certificate."""

    @cached_property
    def backend_tls(self) -> ssl.SSLContext:
        """For connections to https:// backends; made before the first is one of ours. Raises ConfigError."""
        return backend_context(self.config)

    def within(self, seconds: float) -> float:
        """A deadline that far away: never too early, and up to two sweeps late."""
        return self.now + seconds + SWEEP

    def _look_at_clock(self) -> float:
        """`now` is up to SWEEP seconds old, and free; so are the two limits that every request sets."""
        self.now = now = self.clock()
        self.answer_due = self.within(self.config.response_timeout)
        self.idle_until = self.within(self.config.idle_timeout)
        return now

    def sweep(self) -> None:
        """Enforce every time limit."""
        before, now = self.now, self._look_at_clock()
        if now - before > ASLEEP:
            for client in self.clients:
                client.deadline += now - before  # nobody's fault: what has come meanwhile is still to be read
        self.pool.sweep(now)
        self.names.sweep(now)
        for client in [client for client in self.clients if client.deadline < now]:
            try:
                client.expire()
            except Exception as problem:  # noqa: BLE001 - the others' time is up as well
                client.transport.abort()
                context = {"message": "a client's time limit failed", "exception": problem}
                asyncio.get_running_loop().call_exception_handler(context)
        if self.log is not None:
            self.log.flush()
        for backend in self.pool.backends:
            idle, longest = backend.idle, backend.trust.at_most(self.config.backend_idle_timeout)
            while idle and now - idle[0].rested > longest:
                idle.pop(0).close()
            if idle and idle[0].still_open():
                backend.trust.survived(now - idle[0].rested - SWEEP, now)

    # Health: what the passive checks (a request failed) and the active ones (health.py) lead to

    def failed(self, backend: Backend) -> None:
        """A request could not be served by this backend."""
        backend.counts.errors += 1
        backend.failures += 1
        if backend.failures >= self.config.fall:
            self.set_health(backend, False)

    def reached(self, backend: Backend, problem: Exception | None = None) -> None:
        """A connection to it was made, or could not be. What is wrong with a certificate is said on stderr, once."""
        trouble = reason_of(problem) if problem is not None else ""
        if trouble != backend.trouble and isinstance(problem, ssl.SSLError):
            say(f"{backend.name}: {trouble}")
        backend.trouble = trouble

    def set_health(self, backend: Backend, healthy: bool) -> None:
        if backend.healthy == healthy:
            return
        backend.healthy = healthy
        if healthy:
            self.pool.came_up(backend)
        else:
            self.pool.went_down(backend, STEADY * self.config.health_interval)
        backend.failures = backend.misses = backend.passes = 0
        if not backend.removed:
            self.pool.changed()
        if not healthy:
            self.close_idle(backend)
            backend.trust.forget()
        self.mark("up" if healthy else "down", backend.name)

    def close_idle(self, backend: Backend) -> None:
        idle, backend.idle = backend.idle, []
        for upstream in idle:
            upstream.close()

    def has_room(self) -> bool:
        """Whether one more connection to a backend can be made; one at rest somewhere makes room for it."""
        if len(self.upstreams) + self.connecting < self.most_upstreams:
            return True
        resting = next((backend for backend in self.pool.backends if backend.idle), None)
        if resting is not None:
            resting.idle[0].close()
        return resting is not None

    def remove(self, backend: Backend) -> None:
        self.exchange([], [backend])

    def exchange(self, come: Sequence[Backend], go: Sequence[Backend]) -> None:
        """Servers come, and others go at the same moment: no request goes there any more; the running ones finish, and
        are counted."""
        for backend in come:
            self.pool.came_up(backend)
        self.pool.exchange(come, go)
        for backend in come:
            self.mark("add", backend.name)
        for backend in go:
            self.close_idle(backend)
            self.mark("remove", backend.name)

    # How many are at work: draining, removing and stopping wait for them

    def left(self, backend: Backend) -> None:
        """One request less is in flight there."""
        backend.in_flight -= 1
        if backend.removed:
            self.pool.settle(backend)
        if self._waiting and not backend.in_flight:
            for waiting in self._waiting.pop(backend, ()):
                if not waiting.done():
                    waiting.set_result(None)

    async def until_idle(self, backend: Backend) -> None:
        """Return once no request is in flight on this backend."""
        if backend.in_flight:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(backend, []).append(waiting)
            await waiting

    async def until_empty(self) -> None:
        """Return once no client is connected; asked for when the balancer stops."""
        if self.clients:
            self._empty = asyncio.get_running_loop().create_future()
            await self._empty

    def client_left(self, client: "Client | Arrival") -> None:
        self.clients.discard(client)
        if self._empty is not None and not self.clients and not self._empty.done():
            self._empty.set_result(None)

    def run(self, work: Any) -> "asyncio.Task[None]":
        """A task that somebody holds on to until it is done."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task
