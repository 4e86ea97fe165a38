"""Field lines of answers, and answers that try to be two (RFC 9112 section 5; response splitting)."""

# fmt: off
from tests.conformance.rows import CLOSED, HEAD, Response, bad, message, ok, passed_on


def full(*lines: str) -> bytes:
    return ok(*lines, "Content-Length: 5", body="hello")


def ends_here(source: str, why: str, *lines: str) -> Response:
    return passed_on(source, why, full("A: 1", *lines, "B: 2"), full("A: 1", "B: 2"))


def untouched(source: str, why: str, *lines: str) -> Response:
    return passed_on(source, why, full(*lines))


ROWS = [
    # Lines that are none
    bad("RFC 9112 5.1", "a blank before the colon", full("X : y")),
    bad("RFC 9112 5.1", "a blank inside a name", full("X Y: z")),
    bad("RFC 9112 2.2", "a blank before the first field", message("HTTP/1.1 200 OK", " X: y", "Content-Length: 0")),
    bad("RFC 9112 5.2", "folded", full("X: y", " z")),
    bad("RFC 9112 5.2", "folded by a tab", full("X: y", "\tz")),
    bad("RFC 9112 5", "no colon", full("hello")),
    bad("CVE-2023-25725", "no name", full(": y")),
    bad("RFC 9110 5.1", "a name that is quoted", full('"X": y')),
    bad("RFC 9110 5.1", "a name above ASCII", full("\xc4: y")),
    bad("CVE-2021-43797", "a control byte in a name", full("\x01X: y")),
    bad("CVE-2026-34520", "a NUL in a value (aiohttp)", full("X: \0")),
    bad("RFC 9110 5.5", "DEL in a value", full("X: \x7f")),
    bad("RFC 9110 5.5", "ESC in a value", full("X: \x1b[2J")),
    bad("RFC 9112 2.2", "bare LFs all through", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    bad("CVE-2024-24795", "a bare LF in a value: a cookie of an attacker's (Apache)",
        full("Location: /a\nSet-Cookie: session_id=evil")),
    bad("CVE-2020-15811", "a bare LF in a value: an answer of an attacker's (Squid)",
        full("Location: /a\nContent-Length: 0\n\nHTTP/1.1 200 OK\nContent-Length: 4\n\nevil")),
    bad("RFC 9112 2.2", "a bare CR in a value", full("Location: /a\rSet-Cookie: session_id=evil")),
    bad("CVE-2022-37436", "a bare LF that ends the head early (Apache)", full("X: y\n", "Set-Cookie: a=b")),
    bad("RFC 6585 5", "101 fields", full(*["X: y"] * 100)),
    bad("RFC 6585 5", "fields without end", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000),
    passed_on("RFC 6585 5", "100 fields", full(*["X: y"] * 99)),
    passed_on("CWE-113", "a second head in the body of a split answer is an answer too many, for nobody",
              message("HTTP/1.1 302 Found", "Location: /", "Content-Length: 0", body="HTTP/1.1 200 OK\r\n\r\nevil"),
              message("HTTP/1.1 302 Found", "Location: /", "Content-Length: 0"), reused=False),

    # Lines that go on as they are
    untouched("RFC 6265 3", "several Set-Cookie fields stay several",
              "Set-Cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "Set-Cookie: b=2", "Set-Cookie: a=3"),
    untouched("RFC 6265 3", "and in their order among others", "Set-Cookie: a=1", "X: y", "set-cookie: b=2"),
    untouched("RFC 6265 4.1.1", "a cookie of odd bytes", 'Set-Cookie: a="b,c; d\xe4"'),
    untouched("RFC 9110 5.3", "repeated fields", "Vary: a", "Vary: b", "vary: c"),
    untouched("RFC 9110 5.5", "obs-text, tabs, and empty values", "X: \xc3\xa9\xff\t!", "Y:", "Z:   "),
    untouched("RFC 9110 5.1", "underscores, and all of a token", "X_Y: z", "!#$%&'*+-.^_`|~: z"),
    untouched("RFC 9110 10.2.2", "Location of any kind", "Location: //b/../c?d#e"),
    untouched("RFC 9110 6.6.1", "dates in three formats, and none", "Date: Sun, 06 Nov 1994 08:49:37 GMT",
              "Last-Modified: Sunday, 06-Nov-94 08:49:37 GMT", "Expires: 0", "X-Date: Sun Nov  6 08:49:37 1994"),
    # When it was made; the runner takes out the one Date that the balancer adds where there is none
    untouched("RFC 9110 6.6.1", "no Date: it gets one", "X-Date: Thu, 01 Jan 1970 00:00:00 GMT"),
    untouched("RFC 9110 6.6.1", "a Date", "Date: Thu, 01 Jan 1970 00:00:00 GMT"),
    untouched("RFC 9110 6.6.1", "a Date in odd case, and without a blank", "dAtE:Thu, 01 Jan 1970 00:00:00 GMT"),
    untouched("RFC 9110 6.6.1", "two Dates: not ours to judge",
              "Date: Thu, 01 Jan 1970 00:00:00 GMT", "Date: Fri, 02 Jan 1970 00:00:00 GMT"),
    untouched("RFC 9110 6.6.1", "a Date that is none", "Date: yesterday"),
    untouched("RFC 9110 6.6.1", "an empty Date", "Date:"),
    passed_on("RFC 9110 6.6.1", "a Date that Connection names ends here: it gets one",
              full("Connection: date", "Date: Thu, 01 Jan 1970 00:00:00 GMT"), full()),
    passed_on("RFC 9110 6.6.1", "no Date in an answer to HEAD", ok("X: y", "Content-Length: 5"), request=HEAD),
    passed_on("RFC 9110 6.6.1", "a Date in an answer to HEAD", ok("date: x", "Content-Length: 5"), request=HEAD),
    passed_on("RFC 9110 6.6.1", "no Date in a 304", message("HTTP/1.1 304 Not Modified", "X: y")),
    passed_on("RFC 9110 6.6.1", "no Date for a client of HTTP/1.0", full("X: y"),
              ok("X: y", "Content-Length: 5", "Connection: close", body="hello"),
              request=b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", after=CLOSED),
    passed_on("RFC 9110 6.6.1", "a Date in a 1xx is not the final answer's",
              message("HTTP/1.1 103 X", "Date: Thu, 01 Jan 1970 00:00:00 GMT") + full("X: y")),
    passed_on("RFC 9110 6.6.1", "a Date among the trailers is too late, and ends here",
              ok("Transfer-Encoding: chunked", body="1\r\na\r\n0\r\nDate: x\r\n\r\n"),
              ok("Transfer-Encoding: chunked", body="1\r\na\r\n0\r\n\r\n")),
    untouched("RFC 9110 14.4", "Content-Range", "Content-Range: bytes 0-4/5", "Accept-Ranges: bytes"),
    untouched("RFC 9110 8.8.3", "an entity tag", 'ETag: W/"\xe4"'),
    untouched("RFC 9110 11.6.1", "WWW-Authenticate, which is between user and server",
              'WWW-Authenticate: Basic realm="a", Digest realm="b"'),
    untouched("RFC 9110 7.6.3", "Via of proxies behind us", "Via: 1.1 behind"),
    untouched("RFC 9110 8.4", "Content-Encoding", "Content-Encoding: gzip"),
    untouched("RFC 9110 10.2.4", "Server", "Server: Apache/2.4 (Unix)"),
    untouched("RFC 7239 4", "X-Forwarded-For in an answer means nothing", "X-Forwarded-For: 10.0.0.1"),
    untouched("RFC 9110 7.2", "so does a Host", "Host: b"),
    untouched("RFC 9112 5", "blanks after a colon", "X:y", "Y:   z  "),

    # What is about the backend's own connection
    ends_here("RFC 9110 7.6.1", "Connection: keep-alive", "Connection: keep-alive"),
    ends_here("RFC 9112 C.2.2", "Keep-Alive", "Keep-Alive: timeout=5"),
    ends_here("RFC 9112 C.2.2", "both of them, as many servers send",
              "Connection: Keep-Alive", "Keep-Alive: timeout=5, max=99"),
    ends_here("RFC 9110 7.6.1", "a field that Connection names", "Connection: X-Hop", "X-Hop: 1"),
    ends_here("RFC 9110 7.6.1", "named after it came, in other letters", "x-hop: 1", "Connection: keep-alive, X-HOP"),
    ends_here("RFC 9110 7.8", "an Upgrade that is only offered", "Connection: upgrade", "Upgrade: h2c"),
    ends_here("RFC 9110 7.8", "an Upgrade that Connection does not name", "Upgrade: websocket"),
    ends_here("RFC 9110 11.7.1", "Proxy-Authenticate: a backend is no proxy", "Proxy-Authenticate: Basic"),
    ends_here("RFC 9110 7.6.1", "Proxy-Connection", "Proxy-Connection: keep-alive"),
    ends_here("RFC 9110 10.1.4", "TE, which is no field of answers", "TE: trailers"),
    bad("RFC 9110 7.6.1", "Connection that takes Set-Cookie away", full("Connection: set-cookie", "Set-Cookie: a=b")),
    bad("RFC 9110 7.6.1", "Connection that takes Content-Length away", full("Connection: content-length")),
    bad("RFC 9110 7.6.1", "Connection that takes Transfer-Encoding away",
        ok("Connection: transfer-encoding", "Transfer-Encoding: chunked", body="0\r\n\r\n")),
    bad("RFC 9110 7.6.1", "Connection that takes Content-Encoding away", full("Connection: content-encoding")),
    bad("RFC 9110 7.6.1", "Connection that takes Cache-Control away", full("Connection: cache-control")),
]
