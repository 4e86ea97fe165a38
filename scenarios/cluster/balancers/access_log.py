"""A proxy's access log, read while it is written: each line counts, and becomes an event as our own balancer tells it.

That is how one measures logouts behind any proxy: let it log the `Session-Outcome` that servers answer with.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from balancer.telling.events import MOST_TEXT
from scenarios.cluster.balancers.holes import give_back

FIELDS = (
    "time", "user", "method", "path", "host", "sent", "cookie", "status", "duration", "server", "outcome", "age",
    "received",
)  # fmt: skip
"""Of a line: Unix time and duration in seconds, the cookie `session_id` sent and received, the bytes of the Cookie
field, the server's name or address, the answer's Session-Outcome and Session-Age. Empty or missing: there was none."""
CHUNK = 1 << 20


class Tail:
    """The lines of a file that grows. What was read is given back to the disk: a lab may run for days."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._at = 0
        self._half = b""

    def lines(self) -> Iterator[bytes]:
        """Whole lines that have come since the last call."""
        while data := os.pread(self._file, CHUNK, self._at):
            give_back(self._file, self._at, len(data))
            self._at += len(data)
            *lines, self._half = (self._half + data).split(b"\n")
            yield from lines

    def close(self) -> None:
        os.close(self._file)


def event(line: Mapping[str, Any], server: str | None, policy: str, store: str | None) -> dict[str, Any]:
    """What our own feed tells of such a request (balancer/telling/events.py); what no proxy says is None."""
    age, _, idle = (line.get("age") or "").partition(" ")
    return {
        "kind": "request",
        "time": line["time"],
        "user": line.get("user") or None,
        "method": line["method"],
        "path": line["path"][:MOST_TEXT],
        "sent": hashed(line.get("sent")),
        "cookie_bytes": line.get("cookie") or 0,
        "host": line.get("host") or "",
        "server": server,
        "policy": policy,
        "store": store,
        "received": hashed(line.get("received")),
        "outcome": line.get("outcome") or None,
        "age": number(age),
        "idle": number(idle),
        "session_in_flight": None,
        "status": line["status"],
        "duration": line["duration"],
        "moved": None,
    }


def hashed(session: str | None) -> str | None:
    """As in our own feed: it tells sessions apart, and opens none."""
    return hashlib.sha256(session.encode("latin-1", "replace")).hexdigest()[:12] if session else None


def number(digits: str) -> float | None:
    try:
        return float(digits)
    except ValueError:
        return None
