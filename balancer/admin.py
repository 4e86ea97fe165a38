"""The admin port: /state as JSON, /metrics as Prometheus text (exposition format 0.0.4). For people and monitoring."""

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from balancer.answers import own_answer
from balancer.dates import Dates
from balancer.http1 import MAX_HEAD, Refused, parse_request
from balancer.telling.metrics import State, exposition

PATIENCE = 5.0
"""Seconds for a whole request."""


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
        kind, body = "text/plain; version=0.0.4; charset=utf-8", "".join(exposition(state)).encode()
    else:
        head_only = request.method == b"HEAD"
        return own_answer(404, "there are /state and /metrics", date, close=True, head_only=head_only)
    lines = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    head = b"HTTP/1.1 200 OK\r\n" + date + lines
    return head if request.method == b"HEAD" else head + body
