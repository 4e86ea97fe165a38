"""Heads that are not whole yet: those that cannot become one are refused now, not when a deadline has passed. Pure."""

import re

from balancer.http1 import MAX_HEAD, STATUS_LINE, Refused, parse_request_line

_HOPELESS = re.compile(rb"(?<!\r)\n|\r[^\n]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # no head can come of this


def too_large(data: bytes) -> Refused:
    """What to say to more than MAX_HEAD bytes of a head (RFC 9112 section 3, RFC 6585 section 5)."""
    if data.find(b"\r\n", 0, MAX_HEAD) < 0:
        return Refused(414, f"a request line of more than {MAX_HEAD} bytes")
    return Refused(431, f"a head of more than {MAX_HEAD} bytes")


def refuse_hopeless(data: bytes, known: int) -> None:
    """Raises Refused where more bytes could not make a head of these, the first `known` of which were here before."""
    if _HOPELESS.search(data, max(0, known - 1)):
        raise Refused(400, "no HTTP/1.1")
    line_end = data.find(b"\r\n")
    if line_end >= 0 and known < line_end + 2:  # it is new
        parse_request_line(data[:line_end])


def refuse_hopeless_answer(data: bytes, known: int) -> None:
    """The same for a backend's head: nobody need wait for the rest of it."""
    line_end = data.find(b"\r\n")
    begun = data.startswith(b"HTTP/1."[: len(data)]) if line_end < 0 else STATUS_LINE.fullmatch(data[:line_end])
    if not begun or _HOPELESS.search(data, max(0, known - 1)):
        raise Refused(502, "no HTTP/1.1")
