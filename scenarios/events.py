"""What an event of the feed must look like before it may be folded."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]
"""One event: "kind" says which, "time" (Unix, seconds) says when; the other fields are those of the kind."""

_TEXT = (str,)
_MAYBE_TEXT = (str, type(None))
_NUMBER = (int, float)
_MAYBE_NUMBER = (int, float, type(None))
_COUNT = (int,)

# kind -> the fields folding relies on, and what they may be. A field with None among its types may be missing.
FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "begin": {
        "time": _NUMBER,
        "store": _TEXT,
        "policy": _TEXT,
        "theory_rate": _MAYBE_NUMBER,
        "requests": _COUNT,
        "with_session": _COUNT,
        "logged_out": _COUNT,
        "servers": (list,),
    },
    "request": {
        "time": _NUMBER,
        "server": _MAYBE_TEXT,
        "sent": _MAYBE_TEXT,
        "outcome": _MAYBE_TEXT,
        "store": _MAYBE_TEXT,
        "policy": _MAYBE_TEXT,
        "status": _MAYBE_NUMBER,
        "user": _MAYBE_TEXT,
        "method": _MAYBE_TEXT,
        "path": _MAYBE_TEXT,
        "received": _MAYBE_TEXT,
        "duration": _MAYBE_NUMBER,
    },
    "mark": {"time": _NUMBER, "what": _TEXT, "detail": _MAYBE_TEXT},
    "ticket": {"time": _NUMBER, "user": _MAYBE_TEXT, "text": _TEXT},
    "act": {
        "time": _NUMBER,
        "name": _TEXT,
        "title": _MAYBE_TEXT,
        "text": _MAYBE_TEXT,
        "servers": (int, type(None)),
        "store": _MAYBE_TEXT,
        "policy": _MAYBE_TEXT,
        "theory_rate": _MAYBE_NUMBER,
    },
    "act_end": {"time": _NUMBER, "act": (dict,)},
    "servers": {"time": _NUMBER, "servers": (list,)},
    "dropped": {"count": _COUNT},
    "law": {"time": _NUMBER, "theory_rate": _MAYBE_NUMBER},
}

# A server in `begin`.
SERVER_FIELDS: dict[str, tuple[type, ...]] = {
    "name": _TEXT,
    "health": _TEXT,
    "requests": _COUNT,
    "known": _COUNT,
    "unknown": _COUNT,
    "errors": _COUNT,
}

# The record of a finished act, as in the issue.
ACT_FIELDS: dict[str, tuple[type, ...]] = {
    "name": _TEXT,
    "store": _TEXT,
    "policy": _TEXT,
    "servers": _COUNT,
    "requests": _COUNT,
    "with_session": _COUNT,
    "logged_out": _COUNT,
    "logout_rate": _MAYBE_NUMBER,
    "theory_rate": _MAYBE_NUMBER,
    "verdict": _TEXT,
    "ci95": (list, type(None)),
}


def complaint(event: Event) -> str | None:
    """Why this event cannot be folded; None when it can. Kinds nobody knows pass: they fold to nothing."""
    kind = event.get("kind")
    if not isinstance(kind, str):
        return 'no "kind"'
    wrong = _mismatch(event, FIELDS.get(kind, {}), f"{kind} event")
    if wrong or kind not in ("begin", "act_end", "servers"):
        return wrong
    if kind == "begin":
        return next(filter(None, map(_row_complaint, event["servers"])), None)
    if kind == "servers":
        return None if all(isinstance(name, str) for name in event["servers"]) else '"servers" holds more than names'
    return _mismatch(event["act"], ACT_FIELDS, "act") or _interval_complaint(event["act"].get("ci95"))


def _row_complaint(row: Any) -> str | None:
    return _mismatch(row, SERVER_FIELDS, "server") if isinstance(row, dict) else "a server of begin is no object"


def _mismatch(event: Event, fields: dict[str, tuple[type, ...]], where: str) -> str | None:
    for name, types in fields.items():
        value = event.get(name)
        if not isinstance(value, types) or isinstance(value, bool):
            return f'"{name}" of the {where} is missing or of the wrong kind'
    return None


def _interval_complaint(interval: Any) -> str | None:
    if interval is None or (len(interval) == 2 and all(isinstance(end, _NUMBER) for end in interval)):
        return None
    return '"ci95" of the act is no pair of numbers'
