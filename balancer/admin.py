"""The admin port: /state as JSON, /metrics as Prometheus text (exposition format 0.0.4). For people and monitoring."""

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

from balancer.answers import own_answer
from balancer.dates import Dates
from balancer.http1 import MAX_HEAD, Refused, parse_request

PATIENCE = 5.0
"""Seconds for a whole request."""

State = dict[str, Any]

# metric -> its type, what it is, and where its numbers are in the state of a backend: {label values: number}
METRICS: dict[str, tuple[str, str, Callable[[State], dict[str, float]]]] = {
    "requests_total": ("counter", "Requests answered.", lambda b: {"": b["requests"]}),
    "responses_total": ("counter", "Answers by class of status.", lambda b: _by("class", b["statuses"])),
    "sessions_total": (
        "counter",
        "Requests that carried a session ID, and whose answer told an outcome.",
        lambda b: {"": b["with_session"]},
    ),
    "logouts_total": ("counter", "Of those, answered as if by a stranger.", lambda b: {"": b["logged_out"]}),
    "outcomes_total": ("counter", "What became of sessions.", lambda b: _by("outcome", b["outcomes"])),
    "errors_total": ("counter", "Failures to serve a request.", lambda b: {"": b["errors"]}),
    "retried_total": ("counter", "Requests taken away from it and sent again.", lambda b: {"": b["retried"]}),
    "moved_total": ("counter", "Users who were moved to it, and why.", lambda b: _by("reason", b["moved"])),
    "share": ("gauge", "What it gets of its weight: below 1 while a slow start lasts.", lambda b: {"": b["share"]}),
    "in_flight": ("gauge", "Requests under way.", lambda b: {"": b["in_flight"]}),
    "healthy": ("gauge", "1 if it may get requests.", lambda b: {"": int(b["healthy"])}),
    "draining": ("gauge", "1 if it gets no new users.", lambda b: {"": int(b["draining"])}),
}


async def serve_admin(
    sock: socket.socket, state: Callable[[], Awaitable[State]], wall: Callable[[], float] = time.time
) -> asyncio.Server:
    """Answer on this listening socket."""
    dates = Dates(wall)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                head, now = await reader.readuntil(b"\r\n\r\n"), await state()
                writer.write(respond(head, now, dates.line()))
                await writer.drain()
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # nobody to be answered, or nothing to answer to
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    return await asyncio.start_server(answer, sock=sock, limit=MAX_HEAD)


def respond(head: bytes, state: State, date: bytes) -> bytes:
    """The whole response to a request's head; `date`: the line that says when it is made."""
    try:
        request = parse_request(head)
    except Refused as refused:
        return own_answer(refused.status, str(refused), date, close=True)
    if request.method not in (b"GET", b"HEAD"):
        return own_answer(405, "only GET and HEAD", date, close=True)
    path = request.target.partition(b"?")[0]
    if path == b"/state":
        kind, body = "application/json", json.dumps(state).encode()
    elif path == b"/metrics":
        kind, body = "text/plain; version=0.0.4; charset=utf-8", "".join(prometheus(state)).encode()
    else:
        head_only = request.method == b"HEAD"
        return own_answer(404, "there are /state and /metrics", date, close=True, head_only=head_only)
    lines = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    head = b"HTTP/1.1 200 OK\r\n" + date + lines
    return head if request.method == b"HEAD" else head + body


def prometheus(state: State) -> Iterator[str]:
    """Counters per backend are reset when a backend is removed; those of the whole balancer never are."""
    yield "# HELP balancer_answered_total Requests answered by anybody.\n# TYPE balancer_answered_total counter\n"
    yield f"balancer_answered_total {state['totals']['requests']}\n"
    yield "# HELP balancer_moved_total Users who were moved, and why.\n# TYPE balancer_moved_total counter\n"
    for labels, number in _by("reason", state["totals"]["moved"]).items():
        yield f"balancer_moved_total{{{labels[1:]}}} {number}\n"
    yield "# HELP balancer_connections Open client connections.\n# TYPE balancer_connections gauge\n"
    yield f"balancer_connections {state['connections']}\n"
    yield "# HELP balancer_turned_away_total Connections that never came to a request, and why.\n"
    yield "# TYPE balancer_turned_away_total counter\n"
    for reason, count in state["turned_away"].items():
        yield f'balancer_turned_away_total{{reason="{_escaped(reason)}"}} {count}\n'
    for name, (kind, meaning, numbers) in METRICS.items():
        yield f"# HELP balancer_backend_{name} {meaning}\n# TYPE balancer_backend_{name} {kind}\n"
        for backend in state["backends"]:
            for labels, number in numbers(backend).items():
                yield f'balancer_backend_{name}{{backend="{_escaped(backend["name"])}"{labels}}} {number}\n'


def _by(label: str, counts: dict[str, float]) -> dict[str, float]:
    return {f',{label}="{_escaped(value)}"': count for value, count in counts.items()}


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
