"""Answers without a body, whatever they say of one: to HEAD, 204, 304 (RFC 9112 section 6.3, RFC 9110 section 8.6)."""

# fmt: off
from tests.conformance.rows import CLOSED, HEAD, bad, message, ok, passed_on


def no_content(*lines: str, body: str = "") -> bytes:
    return message("HTTP/1.1 204 No Content", *lines, body=body)


def unchanged(*lines: str, body: str = "") -> bytes:
    return message("HTTP/1.1 304 Not Modified", *lines, body=body)


ROWS = [
    # HEAD
    passed_on("RFC 9110 9.3.2", "HEAD: a length, and no body", ok("Content-Length: 5"), request=HEAD),
    passed_on("RFC 9110 9.3.2", "HEAD: chunked, and no chunk", ok("Transfer-Encoding: chunked"), request=HEAD),
    passed_on("RFC 9110 9.3.2", "HEAD: no length, and still no body", ok("X: y"), request=HEAD),
    passed_on("RFC 9110 9.3.2", "HEAD: a length of zero", ok("Content-Length: 0"), request=HEAD),
    passed_on("RFC 9110 8.6", "HEAD: a length larger than anybody would send",
              ok("Content-Length: 999999999999999"), request=HEAD),
    passed_on("RFC 9112 6.3", "HEAD: a body all the same: nobody gets it", ok("Content-Length: 5", body="hello"),
              ok("Content-Length: 5"), request=HEAD, reused=False),
    passed_on("RFC 9112 6.3", "HEAD: chunks all the same",
              ok("Transfer-Encoding: chunked", body="5\r\nhello\r\n0\r\n\r\n"),
              ok("Transfer-Encoding: chunked"), request=HEAD, reused=False),
    passed_on("RFC 9112 6.3", "HEAD: a second answer for its body",
              ok("Content-Length: 25", body="HTTP/1.1 200 OK\r\nX: y\r\n\r\n"), ok("Content-Length: 25"), request=HEAD,
              reused=False),
    passed_on("RFC 9110 9.3.2", "HEAD: an error, too",
              message("HTTP/1.1 404 Not Found", "Content-Length: 9"), request=HEAD),
    passed_on("RFC 9112 9.6", "HEAD: close",
              ok("Content-Length: 5", "Connection: close"), ok("Content-Length: 5"), request=HEAD,
              reused=False, ends=True),
    passed_on("RFC 9112 9.3", "HEAD of HTTP/1.0", ok("Content-Length: 5"), ok("Content-Length: 5", "Connection: close"),
              request=b"HEAD / HTTP/1.0\r\nHost: a\r\n\r\n", after=CLOSED),
    passed_on("RFC 9112 7", "HEAD of HTTP/1.0: chunks are not announced to who knows none",
              ok("Transfer-Encoding: chunked"),
              ok("Connection: close"), request=b"HEAD / HTTP/1.0\r\nHost: a\r\n\r\n", after=CLOSED),
    bad("RFC 9112 6.1", "HEAD: both framings", ok("Content-Length: 5", "Transfer-Encoding: chunked"), request=HEAD),
    bad("RFC 9112 6.3", "HEAD: two lengths", ok("Content-Length: 5", "Content-Length: 6"), request=HEAD),
    bad("RFC 9110 8.6", "HEAD: a length that is none", ok("Content-Length: -1"), request=HEAD),

    # 204
    passed_on("RFC 9110 15.3.5", "204", no_content()),
    passed_on("RFC 9110 15.3.5", "204 with fields", no_content("X: y", "ETag: \"a\"")),
    passed_on("RFC 9110 8.6", "204 with a length: it must not announce one",
              no_content("Content-Length: 5"), no_content()),
    passed_on("RFC 9110 8.6", "204 with a length of zero", no_content("X: y", "Content-Length: 0"), no_content("X: y")),
    passed_on("RFC 9112 6.3", "204 with a body: nobody gets it",
              no_content("Content-Length: 5", body="hello"), no_content(),
              reused=False),
    passed_on("RFC 9112 6.3", "204 with a second answer behind it",
              no_content(body="HTTP/1.1 200 OK\r\n\r\n"), no_content(),
              reused=False),
    passed_on("RFC 9112 9.6", "204 with close", no_content("Connection: close"), no_content(), reused=False, ends=True),
    passed_on("RFC 9112 2.3", "204 of HTTP/1.0",
              message("HTTP/1.0 204 No Content"), no_content(), reused=False, ends=True),
    bad("RFC 9112 6.1", "204 with chunks", no_content("Transfer-Encoding: chunked", body="0\r\n\r\n")),
    bad("RFC 9112 6.3", "204 with two lengths", no_content("Content-Length: 5", "Content-Length: 0")),
    bad("RFC 9110 8.6", "204 with a length that is none", no_content("Content-Length: x")),

    # 304
    passed_on("RFC 9110 15.4.5", "304", unchanged('ETag: "a"')),
    passed_on("RFC 9110 8.6", "304 with the length that 200 would have had", unchanged("Content-Length: 5")),
    passed_on("RFC 9112 6.1", "304 with chunked, as 200 would have had", unchanged("Transfer-Encoding: chunked")),
    passed_on("RFC 9112 6.3", "304 with a body: nobody gets it", unchanged("Content-Length: 5", body="hello"),
              unchanged("Content-Length: 5"), reused=False),
    passed_on("RFC 9112 6.3", "304 with chunks: nobody gets them",
              unchanged("Transfer-Encoding: chunked", body="1\r\na\r\n0\r\n\r\n"),
              unchanged("Transfer-Encoding: chunked"), reused=False),
    passed_on("RFC 9112 6.3", "304 to a HEAD", unchanged("Content-Length: 5"), request=HEAD),
    bad("RFC 9112 6.1", "304 with both framings", unchanged("Content-Length: 5", "Transfer-Encoding: chunked")),
    bad("RFC 9112 6.3", "304 with two lengths", unchanged("Content-Length: 5", "Content-Length: 5")),

    # 205 and others look like those, and are not
    passed_on("RFC 9110 15.3.6", "205 has no body, and says so by a length",
              message("HTTP/1.1 205 Reset Content", "Content-Length: 0")),
    passed_on("RFC 9112 6.3", "205 with a body: framed like any other",
              message("HTTP/1.1 205 Reset Content", "Content-Length: 5", body="hello")),
    passed_on("RFC 9112 6.3", "203 is no 204", message("HTTP/1.1 203 X", "Content-Length: 5", body="hello")),
    passed_on("RFC 9112 6.3", "305 is no 304", message("HTTP/1.1 305 X", "Content-Length: 5", body="hello")),
]
