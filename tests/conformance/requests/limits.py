"""Limits: the last size that goes on, and the first that does not (RFC 9112 section 2.2, RFC 6585 section 5)."""

# fmt: off
from balancer.fields import MAX_FIELDS
from balancer.http1 import MAX_HEAD
from tests.conformance.rows import Request, forwarded, get, message, post, refused

ROOM = MAX_HEAD - len(get("X: "))


def many(count: int) -> bytes:
    """A request with so many fields, Host among them."""
    return get(*(f"X{n}: y" for n in range(count - 1)))


def too_large(why: str, sent: bytes) -> Request:
    return refused("RFC 6585 5", why, sent, 431)


ROWS = [
    forwarded("RFC 6585 5", "a head of exactly the limit", get("X: " + "y" * ROOM)),
    too_large("a head of one byte more", get("X: " + "y" * (ROOM + 1))),
    forwarded("RFC 9112 2.2", "the limit does not count the empty line before it", b"\r\n" + get("X: " + "y" * ROOM),
              get("X: " + "y" * ROOM)),
    forwarded("RFC 6585 5", "the limit with many lines", get(*["X: y"] * 60, "Y: " + "y" * (ROOM - 360))),
    too_large("one byte more with many lines", get(*["X: y"] * 60, "Y: " + "y" * (ROOM - 359))),
    forwarded("RFC 6585 5", "a name as long as the limit leaves room for", get("X" * ROOM + ":: ")),
    too_large("a name of one byte more", get("X" * (ROOM + 1) + ":: ")),
    forwarded("RFC 9110 4.1", "a target as long as the limit leaves room for",
              message("GET /" + "a" * (ROOM + 5) + " HTTP/1.1", "Host: a")),
    too_large("a target of one byte more", message("GET /" + "a" * (ROOM + 6) + " HTTP/1.1", "Host: a")),
    refused("RFC 9112 3", "a target without end", b"GET /" + b"a" * 2 * MAX_HEAD, 414),
    refused("RFC 9112 3", "a target that leaves no room for the line's end",
            message("GET /" + "a" * (MAX_HEAD - len("GET / HTTP/1.1") - 1) + " HTTP/1.1", "Host: a"), 414),
    too_large("a target that leaves room for the line's end, and no more",
              message("GET /" + "a" * (MAX_HEAD - len("GET / HTTP/1.1") - 2) + " HTTP/1.1", "Host: a")),
    too_large("a field without end", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 2 * MAX_HEAD),
    too_large("fields without end", b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * MAX_HEAD),
    forwarded("RFC 6585 5", "as many fields as the limit allows", many(MAX_FIELDS)),
    too_large("one field more", many(MAX_FIELDS + 1)),
    forwarded("RFC 6585 5", "91 fields: more than the short cut takes", many(91)),
    forwarded("RFC 6585 5", "90 fields: as many as the short cut takes", many(90)),
    too_large("a field too many that would have ended here", get(*["Keep-Alive: 1"] * MAX_FIELDS)),
    too_large("empty fields count, too", get(*["X:"] * MAX_FIELDS)),
    forwarded("RFC 9112 6.2", "the limit is the head's: a body may be longer",
              post(f"Content-Length: {MAX_HEAD * 2}", body="x" * MAX_HEAD * 2)),
    forwarded("RFC 9112 7.1", "a chunk longer than a head", post("Transfer-Encoding: chunked",
              body="10000\r\n" + "x" * 65536 + "\r\n0\r\n\r\n")),
    forwarded("RFC 9112 7.1", "a thousand chunks of one byte", post("Transfer-Encoding: chunked",
              body="1\r\nx\r\n" * 1000 + "0\r\n\r\n")),
    forwarded("RFC 6265 6.1", "a cookie of four kilobytes", get("Cookie: a=" + "b" * 4096)),
    forwarded("RFC 9110 5.4", "a head longer than those that are remembered", get("X: " + "y" * 5000)),
]
