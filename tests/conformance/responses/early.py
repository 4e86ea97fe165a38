"""Answers to uploads that are not all there: given, and both connections end (RFC 9112 section 9.3)."""

# fmt: off
from tests.conformance.rows import CLOSED, Response, bad, cut_short, message, ok, passed_on, post

HALF = post("Content-Length: 10", body="hello")
HALF_CHUNKS = post("Transfer-Encoding: chunked", body="5\r\nhello\r\n")
WAITING = post("Expect: 100-continue", "Content-Length: 5")
TOO_LARGE = message("HTTP/1.1 413 Content Too Large", "Content-Length: 2", body="no")
AND_CLOSE = message("HTTP/1.1 413 Content Too Large", "Content-Length: 2", "Connection: close", body="no")


def early(source: str, why: str, sent: bytes, got: bytes, request: bytes = HALF) -> Response:
    """The rest of the body would be the next request to a backend that has forgotten this one (CVE-2025-4366)."""
    return passed_on(source, why, sent, got, request=request, reused=False, after=CLOSED)


ROWS = [
    early("CVE-2025-4366", "an answer to half a body (Pingora used the connection again)", TOO_LARGE, AND_CLOSE),
    early("RFC 9112 9.3", "to half of its chunks", TOO_LARGE, AND_CLOSE, HALF_CHUNKS),
    early("RFC 9112 9.3", "to a head whose body has not begun", TOO_LARGE, AND_CLOSE, post("Content-Length: 10")),
    early("CVE-2024-24791", "in place of 100 Continue: whether the body comes, nobody knows (Go)",
          TOO_LARGE, AND_CLOSE, WAITING),
    early("RFC 9112 9.3", "a success, early", ok("Content-Length: 2", body="ok"),
          ok("Content-Length: 2", "Connection: close", body="ok")),
    early("RFC 9112 9.3", "one with chunks", ok("Transfer-Encoding: chunked", body="2\r\nok\r\n0\r\n\r\n"),
          ok("Transfer-Encoding: chunked", "Connection: close", body="2\r\nok\r\n0\r\n\r\n")),
    early("RFC 9112 9.3", "one without a body",
          message("HTTP/1.1 204 X"), message("HTTP/1.1 204 X", "Connection: close")),
    early("RFC 9112 9.3", "a redirect", message("HTTP/1.1 307 X", "Location: /b", "Content-Length: 0"),
          message("HTTP/1.1 307 X", "Location: /b", "Content-Length: 0", "Connection: close")),
    early("RFC 9110 15.2", "103 goes before it, and does not end anything",
          message("HTTP/1.1 103 X", "Link: </a>") + TOO_LARGE,
          message("HTTP/1.1 103 X", "Link: </a>") + AND_CLOSE),
    early("RFC 9112 9.3.2", "a second answer behind it is nobody's",
          TOO_LARGE + ok("Content-Length: 6", body="stolen"), AND_CLOSE),
    early("HTTP/1.1 Must Die (Kettle 2025)", "a GET with a body that the backend did not wait for (0.CL)",
          ok("Content-Length: 2", body="ok"), ok("Content-Length: 2", "Connection: close", body="ok"),
          message("GET /con HTTP/1.1", "Host: a", "Content-Length: 40", body="GET /smuggled HTTP/1.1")),
    passed_on("RFC 9112 9.3", "early, and until the end of the connection",
              ok(body="hello"), ok("Connection: close", body="hello"),
              request=HALF, reused=False, after=CLOSED, ends=True),
    cut_short("RFC 9112 8", "early, and cut short", ok("Content-Length: 9", body="hello"),
              ok("Content-Length: 9", "Connection: close", body="hello"), request=HALF),
    passed_on("RFC 9110 10.1.1", "100 Continue and the answer in one go, for a body that is all there",
              b"HTTP/1.1 100 Continue\r\n\r\n" + ok("Content-Length: 2", body="ok"),
              request=post("Expect: 100-continue", "Content-Length: 5", body="hello")),
    passed_on("RFC 9110 10.1.1", "the answer without 100 Continue, for a body that is all there",
              ok("Content-Length: 2", body="ok"),
              request=post("Expect: 100-continue", "Content-Length: 5", body="hello")),
    passed_on("RFC 9112 6.3", "the whole body was there: both connections stay", ok("Content-Length: 2", body="ok"),
              request=post("Content-Length: 5", body="hello")),
    passed_on("RFC 9112 6.3", "all of its chunks were there", ok("Content-Length: 2", body="ok"),
              request=post("Transfer-Encoding: chunked", body="5\r\nhello\r\n0\r\n\r\n")),
    bad("RFC 9112 6.1", "both framings, to a whole upload",
        ok("Content-Length: 2", "Transfer-Encoding: chunked", body="ok"),
        request=post("Content-Length: 5", body="hello")),
]
