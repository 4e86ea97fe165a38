"""How long a backend keeps a connection at rest, as it has shown so far. Pure.

A backend may close a connection at the moment in which we send a request on it. Whether it has read the request is
then unknown, so one that must not be done twice is lost (RFC 9110 section 9.2.2). The way to lose none is not to put
it there: it goes on a connection that has rested for far less than this backend is known to keep one, or on a new one.
Knowing takes proof. Nothing is believed at first; what keeps for a while is believed for half that while; and a backend
that closes one sooner than it has kept others closes as it likes, and is not believed at all for a time.
"""

from dataclasses import dataclass
from math import inf

PROOF = 1.0
"""Seconds that a backend must have kept a connection before it is believed anything. Where `backend_idle_timeout` ends
them sooner, no proof comes about, and each POST gets a new one."""
DOUBT = 10.0
"""Seconds in which it must close none too soon before it is believed again."""


@dataclass(slots=True)
class Trust:
    """Of one backend. `limit`: seconds of rest up to which a connection is certain to be kept; 0: none is."""

    limit: float = 0.0
    kept: float = 0.0
    """The longest rest after which one was still open."""
    announced: float = inf
    """What the backend says of itself (`Keep-Alive: timeout=N`): never believed beyond that."""
    doubted_until: float = -inf

    def survived(self, rest: float, now: float) -> None:
        """A connection is still open after `rest` seconds, or a little more."""
        if rest > self.kept and now >= self.doubted_until:
            self.kept = rest
            self._decide()

    def ended(self, rest: float, now: float) -> None:
        """The backend has closed one after `rest` seconds, or a little less."""
        if rest < max(self.kept, PROOF):
            self.kept = 0.0
            self.doubted_until = now + DOUBT
            self._decide()

    def announces(self, seconds: float) -> None:
        self.announced = seconds
        self._decide()

    def at_most(self, seconds: float) -> float:
        """Seconds of rest after which we had better end a connection ourselves."""
        return min(seconds, 0.75 * self.announced)

    def forget(self) -> None:
        """It was down: what comes back may be another."""
        self.kept = 0.0
        self.announced = inf
        self._decide()

    def _decide(self) -> None:
        believed = min(self.kept, self.announced)
        self.limit = believed / 2 if believed >= PROOF else 0.0
