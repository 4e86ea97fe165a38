"""The backends: their health, what they are doing, and who may be picked. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from math import gcd, inf
from typing import Any, NamedTuple

from balancer.counts import Counts
from balancer.networks import host_port
from balancer.trust import Trust

MOST_DEPARTED = 1000
STEPS = 10
"""A slow start goes from a tenth of the weight to all of it in so many equal steps."""
MOST_TURNS = 20_000
MOST_TRIED = 64
"""Sets of tried servers for which it is remembered who is left."""


class Pick(NamedTuple):
    """Where a request goes. `set_cookie`: a Set-Cookie value for the answer; `moved`: why a user changed servers."""

    backend: "Backend"
    set_cookie: bytes | None = None
    moved: str | None = None

    def __deepcopy__(self, memo: object) -> "Pick":
        return self  # who is copied is a policy (explain.py); whom it knows stay the same


@dataclass(eq=False, slots=True)
class Backend:
    """One server. A draining one finishes what it has and keeps its users, but gets no new ones; one that is `leaving`
    does not even keep them."""

    name: str
    host: str
    port: int
    weight: int = 1
    tls: bool = False
    healthy: bool = True
    draining: bool = False
    leaving: bool = False
    removed: bool = False
    in_flight: int = 0
    failures: int = 0
    """Requests failed in a row (passive checks)."""
    misses: int = 0
    """Active checks failed in a row."""
    passes: int = 0
    """Active checks passed in a row."""
    trouble: str = ""
    """Why it could not be reached the last time somebody tried; empty: it could."""
    addresses: tuple[str, ...] = ()
    """Of its host, as known last; the one that connections are made to is the first."""
    up_since: float = -inf
    falls: int = 0
    """In a row, each soon after it came up."""
    step: int = STEPS
    """How far its slow start has come."""
    counts: Counts = field(default_factory=Counts)
    idle: list[Any] = field(default_factory=list, repr=False)
    """Connections at rest (upstream.py), the one used last at the end: last in, first out."""
    trust: Trust = field(default_factory=Trust, repr=False)
    """In keeping connections at rest."""
    pick: Pick = field(init=False, repr=False)
    """The usual pick, made once."""

    def __post_init__(self) -> None:
        self.pick = Pick(self)
        self.addresses = tuple(self.addresses) or (() if self.named else (self.host,))

    @property
    def named(self) -> bool:
        """Its host is a name, to be looked up (names.py)."""
        try:
            ip_address(self.host)
        except ValueError:
            return True
        return False

    def __deepcopy__(self, memo: object) -> "Backend":
        return self  # who is copied is a policy (explain.py); whom it knows stay the same

    @property
    def address(self) -> str:
        return host_port(self.host, self.port)


class Available:
    """Who may be picked, as of one moment. It never changes; a policy may keep what it works out from it.

    `new` may get anybody, `kept` (with the draining ones) those who belong there. `slots` holds `new` as often as the
    weights say, evenly spread, and less often those whose slow start is not over; `places` is the same as it will be
    afterwards, `warm` those that have their full weight already. `known` is everybody, `departed` why a former name is
    gone, `tried` who has failed this request already.
    """

    def __init__(self, known: Iterable[Backend], departed: dict[str, str], tried: Collection[Backend] = ()) -> None:
        self.known = tuple(known)
        self.departed = departed
        self.tried = tuple(tried)
        self._without: dict[frozenset[Backend], Available] = {}
        there = tuple(b for b in self.known if b.healthy and b not in tried)
        self.new = tuple(b for b in there if not b.draining)
        # Nobody is sent away from a server while there is no other to go to.
        self.kept = tuple(b for b in there if not b.leaving) if self.new else there
        self.slots = self.places = _turns(self.new, [b.weight for b in self.new])
        self.warm = tuple(b for b in self.new if b.step == STEPS) or self.new
        if len(self.warm) < len(self.new):
            self.slots = _turns(self.new, _warming_weights(self.new))

    def __deepcopy__(self, memo: object) -> "Available":
        return self  # who is copied is a policy (explain.py); whom it knows stay the same

    def without(self, tried: Collection[Backend]) -> "Available":
        """The others. A backend that has just died fails many requests, of which all but the first find this ready."""
        those = frozenset(tried)
        left = self._without.get(those)
        if left is None:
            if len(self._without) >= MOST_TRIED:
                self._without.clear()
            left = self._without[those] = Available(self.known, self.departed, tried)
        return left


def _turns(backends: tuple[Backend, ...], weights: list[int]) -> tuple[Backend, ...]:
    """Each as often as its weight says, in the smallest round that does, evenly spread."""
    divisor = gcd(*weights)
    weights = [weight // divisor for weight in weights]
    turns = sorted(((turn + 0.5) / weight, i) for i, weight in enumerate(weights) for turn in range(weight))
    return tuple(backends[i] for _, i in turns)


def _warming_weights(backends: tuple[Backend, ...]) -> list[int]:
    """In tenths where that is not too many turns; in whole ones, at least one, where it is."""
    if STEPS * sum(b.weight for b in backends) <= MOST_TURNS:
        return [b.weight * b.step for b in backends]
    return [max(1, b.weight * b.step // STEPS) for b in backends]


class Pool:
    """All backends. Changes are rare and requests many, so `available` is kept ready.

    Times in seconds. `slow_start` is how long a server that comes, or comes back, takes to get its full share; 0: none.
    `renew` is how old `available` may get, for policies that keep with it what has to be renewed; 0: any age.
    """

    def __init__(self, backends: Iterable[Backend] = (), *, slow_start: float = 0.0, renew: float = 0.0) -> None:
        self.backends = list(backends)
        self.slow_start = slow_start
        self.renew = renew
        self.now = 0.0
        self.gone = Counts()
        """What removed backends counted."""
        self.own = Counts()
        """Requests that no backend answered."""
        self._departed: dict[str, str] = {}
        self.changed()

    def __repr__(self) -> str:
        return f"Pool({', '.join(b.name + ('' if b.healthy else ' down') for b in self.backends)})"

    def changed(self) -> None:
        """To be called after any change of `healthy`, `draining` or `leaving`."""
        self.available = Available(self.backends, dict(self._departed))
        self._made = self.now

    def sweep(self, now: float) -> None:
        """Time has passed: slow starts go on, by steps."""
        self.now = now
        stale = 0 < self.renew <= now - self._made
        for backend in self.backends:
            if backend.step < STEPS:
                step = min(STEPS, 1 + int(STEPS * (now - backend.up_since) / self.slow_start))
                stale |= step != backend.step
                backend.step = step
        if stale:
            self.changed()

    def came_up(self, backend: Backend) -> None:
        """It begins to serve, or begins again: the slow start begins. To be called before `changed`."""
        backend.up_since = self.now
        backend.step = 1 if self.slow_start else STEPS

    def went_down(self, backend: Backend, steady: float) -> None:
        """It falls; `steady`: seconds that it must have been up for its earlier falls to be forgotten."""
        backend.falls = backend.falls + 1 if self.now - backend.up_since < steady else 1
        if not any(each.healthy for each in self.backends):
            for each in self.backends:  # whatever took them all is no single one's fault, and every return is needed
                each.falls = 1

    def totals(self) -> Counts:
        totals = Counts()
        for counts in (self.gone, self.own, *(b.counts for b in self.backends)):
            totals.add(counts)
        return totals

    def find(self, name: str) -> Backend | None:
        return next((b for b in self.backends if name in (b.name, b.address)), None)

    def add(self, backend: Backend) -> None:
        self.exchange([backend], [])

    def take_over(self, backends: Iterable[Backend], departed: dict[str, str]) -> None:
        """Be what another pool was: these, and why former ones are gone."""
        self.backends = list(backends)
        self._departed = dict(departed)
        self.changed()

    def remove(self, backend: Backend) -> None:
        self.exchange([], [backend])

    def exchange(self, come: Sequence[Backend], go: Sequence[Backend]) -> None:
        """These come, and those are picked no more. What they are still doing goes on, and is counted: see `settle`."""
        for backend in come:
            self._departed.pop(backend.name, None)
        for backend in go:
            backend.removed = True
            self._departed[backend.name] = "drained" if backend.draining else "gone"
            self.settle(backend)
        while len(self._departed) > MOST_DEPARTED:
            del self._departed[next(iter(self._departed))]
        self.backends = [*(backend for backend in self.backends if not backend.removed), *come]
        self.changed()

    def settle(self, backend: Backend) -> None:
        """Take over what a removed backend has counted so far."""
        self.gone.add(backend.counts)
        backend.counts = Counts()
