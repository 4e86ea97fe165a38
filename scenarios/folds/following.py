"""One user's way through the shop, click by click."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from scenarios.events import Event

KEPT = 200  # clicks


@dataclass(frozen=True, slots=True)
class Click:
    """One request: the wristband shown, the server it met, what that server's logbook said, the wristband given."""

    time: float
    what: str  # GET /orders
    server: str
    shown: str  # hashed session ID; "" when none was sent
    said: str  # the outcome; "" when no server answered
    given: str  # hashed session ID; "" when no new one was given


@dataclass(slots=True)
class Following:
    """The newest clicks of `user`, oldest first; their number goes on."""

    user: str
    clicks: deque[Click] = field(default_factory=lambda: deque(maxlen=KEPT))
    count: int = 0

    def feed(self, event: Event) -> Click | None:
        """Take a request; the click, if it was this user's."""
        if event.get("user") != self.user:
            return None
        path = (event.get("path") or "").partition("?")[0]
        click = Click(
            event["time"],
            f"{event.get('method') or ''} {path}".strip(),
            event.get("server") or "",
            event.get("sent") or "",
            event.get("outcome") or "",
            event.get("received") or "",
        )
        self.clicks.append(click)
        self.count += 1
        return click
