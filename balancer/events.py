"""What the feed tells of a request. Built only while somebody subscribes."""

import hashlib
import re
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from balancer.proxy import Exchange

_USER = re.compile(rb"(?i)\r\nlab-user:[ \t]*([^\r]*)")
_ISSUED = re.compile(rb"(?i)\r\nset-cookie:[ \t]*session_id=([^;\r]+)")


def begin_event(exchange: "Exchange") -> float:
    """Called when a request begins that will be told of; the time, for its duration."""
    session = exchange.request.session
    if session is not None:
        in_flight = exchange.balancer.in_flight_of
        in_flight[session] = in_flight.get(session, 0) + 1
    return time.perf_counter()


def request_event(exchange: "Exchange", status: int | None = None) -> dict[str, Any]:
    """The event of a request that is over. `status`: of our own answer; None: the backend's, if there was one."""
    balancer, request, answer = exchange.balancer, exchange.request, exchange.answer
    session = request.session
    in_flight = 0
    if session is not None:
        in_flight = balancer.in_flight_of.get(session, 0)
        if in_flight > 1:
            balancer.in_flight_of[session] = in_flight - 1
        else:
            balancer.in_flight_of.pop(session, None)
    user = _USER.search(request.kept)
    issued = _ISSUED.search(answer.raw) if answer is not None else None
    age, _, idle = (answer.age if answer is not None else b"").partition(b" ")
    backend, pick = exchange.backend, exchange.pick
    return {
        "kind": "request",
        "time": time.time(),
        "user": _text(user[1]) if user else None,
        "method": _text(request.method),
        "path": _text(request.target),
        "server": backend.name if backend is not None else None,
        "policy": balancer.policy_name,
        "store": None,
        **balancer.labels,
        "sent": _hashed(session),
        "received": _hashed(issued[1]) if issued else None,
        "outcome": answer.outcome if answer is not None else None,
        "age": _number(age),
        "idle": _number(idle),
        "session_in_flight": in_flight,
        "cookie_bytes": len(request.cookie),
        "host": _text(request.host),
        "status": answer.status if answer is not None else status,
        "duration": round(time.perf_counter() - exchange.started, 6),
        "moved": pick.moved if pick is not None else None,
    }


def _text(value: bytes) -> str:
    return value.decode("latin-1")


def _number(digits: bytes) -> float | None:
    try:
        return float(digits)
    except ValueError:
        return None


def _hashed(session: bytes | None) -> str | None:
    """The feed may be kept and shown: it tells sessions apart, and opens none."""
    return None if session is None else hashlib.sha256(session).hexdigest()[:12]
