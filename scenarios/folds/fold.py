"""Events in, numbers out. No clock, no I/O: the same events give the same numbers, live or from a journal."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from scenarios.events import SERVER_FIELDS, Event
from scenarios.folds.following import Following
from scenarios.folds.latency import Latency
from scenarios.folds.matrix import Matrix
from scenarios.folds.records import LOGGED_OUT, Act, Counts, Moment, Server, Ticket
from scenarios.folds.series import Series

_RECENT = 5.0  # seconds behind "now"
_KEEP = 100  # tickets, moments and acts kept; their counts go on

# What a mark says about a server's health.
_HEALTH = {
    "kill": "down",
    "down": "down",
    "up": "up",
    "add": "up",
    "restart": "up",
    "resume": "up",
    "pause": "paused",
    "partition": "partitioned",
    "slow": "slow",
    "reconnect": "up",
    "drain": "draining",
    "undrain": "up",
    "remove": "gone",
}
_ROUTINE = frozenset({"add", "drain", "undrain", "remove"})
"""The balancer's side of scaling, restarting and draining, which the lab tells as one moment each."""


class Fold:
    """Everything a board shows, after the events fed so far. `bucket` is the chart's resolution in seconds, `follow`
    the user whose every click is to be kept."""

    def __init__(self, *, bucket: float = 1.0, buckets: int = 600, follow: str | None = None) -> None:
        self.began: float | None = None  # time of the first event
        self.now: float | None = None  # time of the latest
        self.totals = Counts()
        self.servers: dict[str, Server] = {}
        self.series = Series(bucket, buckets)
        self.recent = Series(_RECENT / 20, 20)
        self.matrix = Matrix()
        self.latency = Latency()
        self.following = Following(follow) if follow else None
        self.store = self.policy = ""  # in force, as the latest event says
        self.act: Act | None = None
        self.law: float | None = None  # the rate theory gives the cluster as it stands, outside acts
        self.acts: deque[dict[str, Any]] = deque(maxlen=_KEEP)
        self.tickets: deque[Ticket] = deque(maxlen=_KEEP)
        self.ticket_count = 0
        self.moments: deque[Moment] = deque(maxlen=_KEEP)
        self.moment_count = 0
        self._slow: set[str] = set()  # servers whose network is slow, whatever else is said of them
        self._fleet = 0  # servers, as last announced
        self.dropped = 0  # events the feed could not deliver: the counts here are too low by some of them
        self._fold: dict[str, Callable[[Event], None]] = {
            "begin": self._begin,
            "request": self._request,
            "mark": self._mark,
            "ticket": self._ticket,
            "act": self._act_begins,
            "act_end": self._act_ends,
            "servers": self._servers,
            "dropped": self._dropped,
            "law": self._law,
        }

    def feed(self, event: Event) -> None:
        """Take one event. Kinds nobody knows change nothing but the time."""
        time = event.get("time")
        if time is not None:
            self.advance(time)
        fold = self._fold.get(event["kind"])
        if fold is not None:
            fold(event)

    def feed_all(self, events: Iterable[Event]) -> None:
        """Take many; the same as feeding them one by one."""
        for event in events:
            self.feed(event)

    def advance(self, time: float) -> None:
        """Let time (Unix, seconds) go on without an event, so that a silent feed shows as silence."""
        if self.now is None:
            self.began = time
        elif time <= self.now:
            return
        self.now = time
        self.series.advance(time)
        self.recent.advance(time)
        self.latency.advance(time)

    @property
    def rate_now(self) -> float | None:
        """The logout rate over the last 5 s, of this act only; None when no request carried a session ID."""
        seen, out = self.recent.sums
        return out / seen if seen else None

    @property
    def seconds_now(self) -> float:
        """How far back `rate_now` looks: an act that has just begun has no more behind it."""
        if self.act is None or self.now is None:
            return _RECENT
        return min(_RECENT, max(1.0, self.now - self.act.began))

    @property
    def theory(self) -> float | None:
        """The rate the law in force promises: the act's, until something changes in it; None when there is none."""
        return self.act.theory if self.act else self.law

    def share(self, server: Server) -> float | None:
        """The part this server answered of the requests since the cluster last changed: a server that came later than
        the others is not a starved one. A fraction; None before the first request."""
        total = sum(row.requests - row.before for row in self.servers.values())
        return (server.requests - server.before) / total if total else None

    def _begin(self, event: Event) -> None:
        """A feed that begins when the cluster has a past: counts go on from there."""
        self.totals = Counts(event["requests"], event["with_session"], event["logged_out"])
        self.store, self.policy = event["store"], event["policy"]
        self.servers = {row["name"]: Server(**{key: row[key] for key in SERVER_FIELDS}) for row in event["servers"]}
        self._slow = {row["name"] for row in event["servers"] if row.get("slow")}
        self._fleet = len(self.servers)
        self._law(event)

    def _request(self, event: Event) -> None:
        name = event.get("server")
        outcome = event.get("outcome")
        totals = self.totals
        totals.requests += 1
        counts = self.act.counts if self.act else None
        if counts:
            counts.requests += 1
        self.store = event.get("store") or self.store
        self.policy = event.get("policy") or self.policy
        self.matrix.feed(event)
        self.latency.feed(event)
        if self.following:
            self.following.feed(event)
        row = self.servers.get(name) if name else None
        if row is None and name:
            row = self.servers[name] = Server(name)
        if row is not None:
            row.requests += 1
            if (event.get("status") or 0) >= 500:
                row.errors += 1
        if not event.get("sent") or not outcome:
            return
        out = outcome in LOGGED_OUT
        totals.with_session += 1
        totals.logged_out += out
        if row is not None:
            row.unknown += out
            row.known += outcome == "hit"
        if counts:
            counts.with_session += 1
            counts.logged_out += out
        self.series.add(event["time"], out)
        self.recent.add(event["time"], out)

    def _mark(self, event: Event) -> None:
        what, detail = event["what"], event.get("detail") or ""
        if what == "store":
            self.store = detail.partition(",")[0]  # "redis, 12 sessions moved"
        elif what == "policy":
            self.policy = detail
        elif what in _HEALTH and detail and not self._health(what, detail.partition(",")[0]):  # "server-2, 200 ms"
            return
        self._moment(event["time"], what, detail)

    def _health(self, what: str, name: str) -> bool:
        """Note what the mark says of a server; whether that is worth a moment."""
        row = self.servers.get(name) or Server(name)
        self.servers[name] = row
        if what == "slow":
            self._slow.add(name)
        elif what in ("reconnect", "kill", "restart", "remove"):
            self._slow.discard(name)
        before, health = row.health, _HEALTH[what]
        if (what == "slow" and before != "up") or (what == "reconnect" and before not in ("slow", "partitioned")):
            health = before
        elif health == "up" and name in self._slow:
            health = "slow"
        if what == "down" and before in ("paused", "partitioned"):
            return False  # the balancer found out; to people it is still the server they paused, or cut off
        if what in ("drain", "undrain") and before == "down":
            return False  # a dead server has nothing to drain
        row.health = health
        if what in ("kill", "restart") and self.store == "memory":
            self.matrix.logbook_lost(name)
        return what not in _ROUTINE and (what not in ("up", "down") or health != before)

    def _moment(self, time: float, what: str, detail: str) -> None:
        self.moments.append(Moment(self.moment_count, time, what, detail))
        self.moment_count += 1

    def _ticket(self, event: Event) -> None:
        self.tickets.append(Ticket(event["time"], event.get("user") or "", event["text"]))
        self.ticket_count += 1

    def _act_begins(self, event: Event) -> None:
        time, theory = event["time"], event.get("theory_rate")
        self.act = Act(event["name"], event.get("title") or event["name"], event.get("text") or "", time, theory)
        self.store = event.get("store") or self.store
        self.policy = event.get("policy") or self.policy
        self._fleet = event.get("servers") or self._fleet
        self.servers = {name: Server(name, row.health) for name, row in self.servers.items() if row.health != "gone"}
        self.recent.clear()
        self.series.expect(time, theory)
        self._moment(time, "act", self.act.title)

    def _act_ends(self, event: Event) -> None:
        self.acts.append(event["act"])
        self.act = None
        self.series.expect(event["time"], self.law)

    def _law(self, event: Event) -> None:
        """The cluster has changed: from now on the law is that of the cluster as it stands, in an act as well."""
        self.law = event["theory_rate"]
        for row in self.servers.values():
            row.before = row.requests
        if self.act:
            self.act.theory = self.law
        self.series.expect(event["time"], self.law)

    def _servers(self, event: Event) -> None:
        names = event["servers"]
        self.servers = {name: self.servers.get(name) or Server(name) for name in names}
        before, self._fleet = self._fleet, len(names)
        if before != self._fleet:
            change = f"from {before} to {self._fleet}" if before else f"to {self._fleet}"
            self._moment(event["time"], "scale", change)

    def _dropped(self, event: Event) -> None:
        self.dropped += event["count"]
