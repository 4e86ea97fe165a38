"""What a row of the table says: bytes in, the verdict, the bytes on the other side, the connections' state after it.

Every row names its source: the section of an RFC, or the advisory of a server that decided otherwise. The reason is
said in the row's own words. `test_requests.py` and `test_responses.py` play the rows.
"""

from dataclasses import dataclass

KEPT, CLOSED, INCOMPLETE, BROKEN, TUNNEL = "kept", "closed", "closed, incomplete", "broken", "a tunnel"
"""The client's connection: serves its next request; ended orderly; ended orderly in the middle of an answer that says
where its end would be; was reset; or carries another protocol now."""


@dataclass(frozen=True)
class Request:
    """A client sends `sent`; the next request of the same client follows it at once."""

    source: str
    why: str
    sent: bytes
    answers: tuple[int, ...]
    """Statuses, in order."""
    reached: tuple[bytes, ...]
    """The requests that a backend got, whole, without the fields that the balancer adds to every request."""
    after: str
    in_body: bool = False
    """It goes wrong in the body: when the bytes come in pieces, the backend may have seen the beginning."""
    part: bytes = b""
    """The client ends its side after `sent`, and this much is what the backend saw of it."""


def refused(source: str, why: str, sent: bytes, status: int = 400) -> Request:
    """Nothing of it reaches a backend, nor does anything after it."""
    return Request(source, why, sent, (status,), (), CLOSED)


def refused_in_body(source: str, why: str, sent: bytes, status: int = 400) -> Request:
    """No backend gets a whole request, however much of this one was on its way before it went wrong."""
    return Request(source, why, sent, (status,), (), CLOSED, in_body=True)


def forwarded(source: str, why: str, sent: bytes, reached: bytes | None = None, after: str = KEPT) -> Request:
    """It goes on: as it came, or as `reached`."""
    return Request(source, why, sent, (200,), (reached or sent,), after)


def in_turn(source: str, why: str, sent: bytes, answers: tuple[int, ...], *reached: bytes, after: str) -> Request:
    """Several requests in one go."""
    return Request(source, why, sent, answers, reached, after)


def unfinished(source: str, why: str, sent: bytes, part: bytes = b"") -> Request:
    """The client ends its side in the middle: no answer, and for the backend no whole request."""
    return Request(source, why, sent, (), (), CLOSED, part=part)


@dataclass(frozen=True)
class Response:
    """A backend answers `request` with `sent`, and ends its side if `ends`."""

    source: str
    why: str
    sent: bytes
    got: bytes | None
    """What the client gets. None: 502 from the balancer, and not one byte of `sent`."""
    request: bytes
    reused: bool
    """Whether the next request comes over the same connection to the backend."""
    after: str
    ends: bool
    blamed: bool
    """Whether it counts as an error of the backend."""
    in_body: bool = False
    """When the bytes come in pieces, the client may have the beginning; otherwise it has nothing of it."""


GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"


def passed_on(
    source: str,
    why: str,
    sent: bytes,
    got: bytes | None = None,
    *,
    request: bytes = GET,
    reused: bool = True,
    after: str = KEPT,
    ends: bool = False,
) -> Response:
    """The client gets it: as it came, or as `got`."""
    return Response(source, why, sent, sent if got is None else got, request, reused, after, ends, blamed=False)


def bad(source: str, why: str, sent: bytes, *, request: bytes = GET, ends: bool = False) -> Response:
    """502: counted against the backend, whose connection is not used again; the client did nothing wrong."""
    after = CLOSED if b" HTTP/1.0\r\n" in request else KEPT
    return Response(source, why, sent, None, request, False, after, ends, blamed=True)


def cut_short(source: str, why: str, sent: bytes, got: bytes, *, request: bytes = GET) -> Response:
    """The backend ends in the middle. So does the client's connection, orderly: it has `got`, and sees what is missing
    from the answer's length, or its chunks (RFC 9112 section 8)."""
    return Response(source, why, sent, got, request, False, INCOMPLETE, True, blamed=True)


def spoilt(source: str, why: str, sent: bytes, got: bytes) -> Response:
    """It goes wrong in the body. When all comes at once, the client gets 502, as for `bad`; when it has the head
    already, at most `got`, which it sees is not all."""
    return Response(source, why, sent, got, GET, False, INCOMPLETE, False, blamed=True, in_body=True)


def broken_off(source: str, why: str, sent: bytes, got: bytes, *, request: bytes) -> Response:
    """The backend ends in the middle, and the client would take an orderly end for the answer's: at most `got`, and
    then a reset says that this is not all."""
    return Response(source, why, sent, got, request, False, BROKEN, True, blamed=True)


# How the chapters write messages


def message(start: str, *lines: str, body: str = "") -> bytes:
    return "\r\n".join([start, *lines, "", body]).encode("latin-1")


def get(*lines: str, body: str = "", host: str = "Host: a") -> bytes:
    return message("GET / HTTP/1.1", host, *lines, body=body)


def post(*lines: str, body: str = "", host: str = "Host: a") -> bytes:
    return message("POST / HTTP/1.1", host, *lines, body=body)


def ok(*lines: str, body: str = "") -> bytes:
    return message("HTTP/1.1 200 OK", *lines, body=body)
