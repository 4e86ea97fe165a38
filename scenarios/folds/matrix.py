"""Who is known where: what each server's logbook said to each user last."""

from __future__ import annotations

from dataclasses import dataclass, field

from scenarios.events import Event

MOST_USERS = 200  # the shop has 60 members; a strange feed may name any number
MOST_SERVERS = 100  # of one user


@dataclass(frozen=True, slots=True)
class Visit:
    """A user's last request to one server. `wristband` is the hashed session ID it was about: the one the server gave
    out, or else the one it was shown."""

    outcome: str  # as in Session-Outcome: hit, new, unknown, expired, revoked, store_error
    wristband: str


@dataclass(slots=True)
class Row:
    """A user: the wristband worn now (hashed), and the last visit to each server."""

    wristband: str
    visits: dict[str, Visit] = field(default_factory=dict)


@dataclass(slots=True)
class Matrix:
    """Users x servers. Of too many users those are forgotten who have not been seen for longest."""

    rows: dict[str, Row] = field(default_factory=dict)  # the user seen last is the last
    forgotten: int = 0

    def feed(self, event: Event) -> None:
        """Take a request. One without a user, a server or a wristband tells nothing about who is known where."""
        user, server, outcome = event.get("user"), event.get("server"), event.get("outcome")
        wristband = event.get("received") or event.get("sent")
        if not user or not server or not outcome or not wristband:
            return
        row = self.rows.pop(user, None)
        if row is None:
            row = Row(wristband)
            if len(self.rows) >= MOST_USERS:
                del self.rows[next(iter(self.rows))]
                self.forgotten += 1
        self.rows[user] = row
        row.wristband = wristband
        row.visits.pop(server, None)
        if len(row.visits) >= MOST_SERVERS:
            del row.visits[next(iter(row.visits))]
        row.visits[server] = Visit(outcome, wristband)

    def logbook_lost(self, server: str) -> None:
        """The server's own logbook is gone with its process: nobody is known there."""
        for row in self.rows.values():
            row.visits.pop(server, None)
