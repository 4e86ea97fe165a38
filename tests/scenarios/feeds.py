"""Synthetic feeds with known numbers, for the tests of folds, boards, journal and replay."""

import hashlib
import random
from typing import Any

Event = dict[str, Any]
START = 1_700_000_000.0


def request(
    time: float,
    server: str | None = "server-1",
    outcome: str | None = "hit",
    sent: str | None = "0123456789ab",
    **more: Any,
) -> Event:
    """A request event `time` seconds after START, with all the fields the balancer puts there."""
    return {
        "kind": "request", "time": START + time, "user": "ravi", "method": "GET", "path": "/orders", "server": server,
        "policy": "round_robin", "store": "memory", "sent": sent, "received": None, "outcome": outcome, "age": 1.0,
        "idle": 0.1, "session_in_flight": 1, "cookie_bytes": 40, "host": "127.0.0.1", "status": 200, "duration": 0.002,
        "moved": None, **more,
    }  # fmt: skip


def mark(time: float, what: str, detail: str = "") -> Event:
    return {"kind": "mark", "time": START + time, "what": what, "detail": detail}


def ticket(time: float, text: str = "I keep getting logged out!", user: str = "user07") -> Event:
    return {"kind": "ticket", "time": START + time, "user": user, "text": text}


def servers(time: float, count: int) -> Event:
    return {"kind": "servers", "time": START + time, "servers": [f"server-{n}" for n in range(1, count + 1)]}


def begin(time: float, **more: Any) -> Event:
    """Two servers that have a past: one of 40 requests, the other paused after 10."""
    one = {"name": "server-1", "health": "up", "requests": 40, "known": 20, "unknown": 15, "errors": 1}
    two = {"name": "server-2", "health": "paused", "requests": 10, "known": 5, "unknown": 5, "errors": 0}
    return {
        "kind": "begin", "time": START + time, "store": "memory", "policy": "random", "theory_rate": 0.5,
        "requests": 52, "with_session": 45, "logged_out": 20, "servers": [one, two], **more,
    }  # fmt: skip


def act(time: float, name: str, count: int = 10, theory: float | None = 0.9, **more: Any) -> Event:
    return {
        "kind": "act", "time": START + time, "name": name, "title": name, "text": "Business is good.\nIt was not.",
        "servers": count, "store": "memory", "policy": "round_robin", "theory_rate": theory, **more,
    }  # fmt: skip


def record(name: str, rate: float | None = 0.9, theory: float = 0.9, verdict: str = "pass", **more: Any) -> Event:
    seen = 1000 if rate is not None else 0
    ends = None if rate is None else [round(max(0.0, rate - 0.02), 4), round(min(1.0, rate + 0.02), 4)]
    return {
        "name": name, "servers": 10, "store": "memory", "policy": "round_robin", "requests": 1200, "with_session": seen,
        "logged_out": round(seen * (rate or 0)), "logout_rate": rate, "ci95": ends, "theory_rate": theory,
        "verdict": verdict, **more,
    }  # fmt: skip


def act_end(time: float, record: Event) -> Event:
    return {"kind": "act_end", "time": START + time, "act": record}


def clicks(begin: float, seconds: int, count: int = 10, known: int = 1, **more: Any) -> list[Event]:
    """Ten requests a second, round robin over `count` servers: of each ten, `known` find the wristband known."""
    return [
        request(
            begin + second + tenth / 10,
            f"server-{tenth % count + 1}",
            "hit" if tenth < known else "unknown",
            **more,
        )
        for second in range(seconds)
        for tenth in range(10)
    ]


def incident() -> list[Event]:
    """30 s: one server all known, ten servers one in ten known, then Redis and all known. 300 requests, 90 logouts."""
    return [
        servers(0, 1),
        act(0, "one-server", 1, 0.0),
        *clicks(0, 10, 1, known=10),
        act_end(9.95, record("one-server", 0.0, 0.0)),
        servers(9.96, 10),
        act(10, "ten-servers", 10, 0.9),
        *clicks(10, 5),
        ticket(14.95),
        *clicks(15, 5),
        ticket(19.94, "My cart is empty again", "user21"),
        act_end(19.95, record("ten-servers")),
        mark(19.97, "store", "redis, 60 sessions moved"),
        act(20, "shared-store", 10, 0.0, store="redis"),
        *clicks(20, 10, known=10, store="redis"),
    ]


def busy(seconds: int = 20, users: int = 20, count: int = 10) -> list[Event]:
    """Twenty users on ten servers with logbooks of their own: 20 requests a second at random, each user logged in once
    and again after 12 s; then server-2 is killed and the store is switched. The same every time."""
    rng = random.Random(6)
    names = ["ravi", *(f"user{n:02d}" for n in range(1, users))]
    home: dict[str, str] = {}
    events = [servers(0, count)]
    events.append({"kind": "law", "time": START, "theory_rate": 0.9})
    for number in range(seconds * 20):
        at, user, server = number / 20, rng.choice(names), f"server-{rng.randrange(count) + 1}"
        wristband = hashlib.sha256(f"{user} {number // 240}".encode()).hexdigest()[:12]
        more = {"user": user, "duration": round(rng.lognormvariate(-6, 0.6), 6)}
        if wristband not in home:
            home[wristband] = server
            login = {"method": "POST", "path": "/login", "received": wristband}
            events.append(request(at, server, "new", None, **{**more, **login}))
        else:
            known = home[wristband] == server
            events.append(request(at, server, "hit" if known else "unknown", wristband, **more))
        if number % 130 == 100:
            events.append(ticket(at, user=user))
    return [*events, mark(seconds - 0.5, "kill", "server-2"), mark(seconds - 0.2, "policy", "random")]


CHECKS = [
    {"name": "logout rate", "measured": 0.9, "expected": "90.0%", "passed": True, "every_act": True},
    {"name": "carts lost", "measured": 12, "expected": "0", "passed": False, "every_act": False},
    {"name": "never seen", "measured": None, "expected": "0", "passed": False, "every_act": False},
]


def story() -> list[Event]:
    """The incident, with sessions that are issued and lost, and checks in its records."""
    logins = [request(10 + n / 20, outcome="new", sent=None, received=f"s{n}") for n in range(20)]
    losses = [request(12 + n / 20, outcome="unknown" if n % 2 else "hit", sent=f"s{n}") for n in range(20)]
    events = sorted([*incident(), *logins, *losses], key=lambda event: event["time"])
    for event in events:
        if event["kind"] == "act_end":
            event["act"] = {**event["act"], "checks": CHECKS, "notes": ["a note"], "words": ["Why?"], "tickets": 2}
    return events
