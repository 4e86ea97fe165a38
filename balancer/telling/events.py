"""What is told of a request that is over: to the feed, and to whoever else is in `Balancer.tellers`."""

import functools
import hashlib
import json
import re
import time
from typing import TYPE_CHECKING

from balancer.http1 import ISSUED

if TYPE_CHECKING:
    from balancer.http1 import Request
    from balancer.proxy import Exchange

_USER = re.compile(rb"(?i)\r\nlab-user:[ \t]*([^\r]*)")
MOST_HASHED = 4096
MOST_TEXT = 1024
"""Characters of a path, or of whatever else a client may make as long as a head can be."""


def begin(exchange: "Exchange") -> float:
    """Called when a request begins that will be told of; the time, for its duration."""
    session = exchange.request.session
    if session is not None:
        in_flight = exchange.balancer.in_flight_of
        in_flight[session] = in_flight.get(session, 0) + 1
    return time.perf_counter()


def tell(exchange: "Exchange", status: int | None = None) -> None:
    """The request is over. `status`: of our own answer; None: the backend's, if there was one."""
    balancer, session = exchange.balancer, exchange.request.session
    for teller in balancer.tellers:
        teller(exchange, status)
    exchange.started = 0.0
    if session is not None:
        in_flight = balancer.in_flight_of.get(session, 0)
        if in_flight > 1:
            balancer.in_flight_of[session] = in_flight - 1
        else:
            balancer.in_flight_of.pop(session, None)


def tell_feed(exchange: "Exchange", status: int | None) -> None:
    """One wide event, written by hand: json.dumps would take longer than all the rest of the request."""
    balancer, request, answer = exchange.balancer, exchange.request, exchange.answer
    backend, pick = exchange.backend, exchange.pick
    session = request.session
    if not request.told:
        request.told = _told(request)
    issued, outcome, age, idle = "null", "null", "null", "null"
    if answer is not None:
        status = answer.status
        if answer.outcome is not None:
            outcome = f'"{answer.outcome}"'
        if answer.age:
            age, idle = _seconds(answer.age)
        if (found := ISSUED.search(answer.raw)) is not None:
            issued = _hashed(found[1])
    in_flight = balancer.in_flight_of.get(session, 0) if session is not None else 0
    server = _quoted(backend.name) if backend is not None else "null"
    moved = f'"{pick.moved}"' if pick is not None and pick.moved is not None else "null"
    balancer.feed.put(
        f'{{"kind":"request","time":{balancer.wall():.6f},{request.told},"server":{server},{balancer.stamp},'
        f'"received":{issued},"outcome":{outcome},"age":{age},"idle":{idle},"session_in_flight":{in_flight},'
        f'"status":{"null" if status is None else status},'
        f'"duration":{time.perf_counter() - exchange.started:.6f},"moved":{moved}}}\n'
    )


def stamp(policy: str, labels: dict[str, str]) -> str:
    """The part of every event that changes only with a switch."""
    return json.dumps({"policy": policy, "store": None, **labels}, separators=(",", ":"))[1:-1]


def _told(request: "Request") -> str:
    """What an event tells of the request itself: the same for every repetition of its head."""
    user = _USER.search(request.kept)
    return (
        f'"user":{_text(user[1]) if user else "null"},"method":{_text(request.method)},"path":{_text(request.target)},'
        f'"sent":{_hashed(request.session) if request.session is not None else "null"},'
        f'"cookie_bytes":{len(request.cookie)},"host":{_text(request.host)}'
    )


def _text(value: bytes) -> str:
    return json.dumps(value[:MOST_TEXT].decode("latin-1"))


@functools.lru_cache(MOST_HASHED)
def _quoted(name: str) -> str:
    return json.dumps(name)


def _seconds(digits: bytes) -> tuple[str, str]:
    """A session's age and idle time, from the Session-Age field."""
    age, _, idle = digits.partition(b" ")
    return _number(age), _number(idle)


def _number(digits: bytes) -> str:
    try:
        return json.dumps(float(digits))
    except ValueError:
        return "null"


@functools.lru_cache(MOST_HASHED)
def _hashed(session: bytes) -> str:
    """The feed may be kept and shown: it tells sessions apart, and opens none."""
    return f'"{hashlib.sha256(session).hexdigest()[:12]}"'
