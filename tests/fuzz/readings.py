"""Who reads what in a stream of bytes: our strict parsers, and h11 as somebody who knows nothing of them."""

from dataclasses import dataclass, field

import h11

from balancer.bodies import body_of
from balancer.fields import Refused
from balancer.http1 import MAX_HEAD, parse_request


@dataclass
class Seen:
    """One whole request."""

    method: bytes
    target: bytes
    host: bytes
    body: bytes


@dataclass
class Reading:
    """The whole requests of a stream, and why there are no more: 'all' read, it 'waits', 'refused', or 'last'."""

    requests: list[Seen] = field(default_factory=list)
    end: str = "all"
    why: str = ""


def strict(raw: bytes) -> Reading:
    """By the balancer's strict parsers alone, in one piece: no short cut, no memory, no state."""
    reading = Reading()
    while raw:
        raw = raw.removeprefix(b"\r\n")
        end = raw.find(b"\r\n\r\n") + 4
        if end < 4 or end > MAX_HEAD:
            return ended(reading, "waits")
        try:
            request = parse_request(raw[:end])
            body, content, raw = body_of(request.length, decode=True), b"", raw[end:]
            if body is not None:
                content, raw = body.feed(raw)
                if not body.done:
                    return ended(reading, "waits")
        except Refused as refused:
            return ended(reading, "refused", f"{refused.status} {refused}")
        reading.requests.append(Seen(request.method, request.target, request.host, content))
        if not request.keep_alive:
            return ended(reading, "last")
    return reading


def by_h11(raw: bytes) -> Reading:
    """By h11, as a server."""
    reading = Reading()
    while raw:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
        connection.receive_data(raw)
        content: list[bytes] = []
        try:
            while True:
                event = connection.next_event()
                kind = type(event)
                if kind is h11.Data:
                    content.append(event.data)
                elif kind is h11.Request:
                    request = event
                elif kind is h11.EndOfMessage:
                    break
                else:
                    return ended(reading, "waits")
        except h11.RemoteProtocolError as problem:
            return ended(reading, "refused", str(problem))
        host = next((value for name, value in request.headers if name == b"host"), b"")
        reading.requests.append(Seen(request.method, request.target, host, b"".join(content)))
        if connection.their_state is h11.MUST_CLOSE:
            return ended(reading, "last")
        raw = connection.trailing_data[0]
    return reading


def ended(reading: Reading, end: str, why: str = "") -> Reading:
    reading.end, reading.why = end, why
    return reading
