"""Chunked answers: malformed ones stay incomplete for a client that has their head (RFC 9112 sections 7.1 and 8)."""

# fmt: off
from tests.conformance.rows import CLOSED, Response, broken_off, cut_short, ok, passed_on, spoilt

OLD = b"GET / HTTP/1.0\r\nHost: a\r\n\r\n"


def chunked(body: str) -> bytes:
    return ok("Transfer-Encoding: chunked", body=body)


def wrong(source: str, why: str, body: str, good: str = "") -> Response:
    return spoilt(source, why, chunked(body), chunked(good))


HELLO = chunked("5\r\nhello\r\n0\r\n\r\n")

ROWS = [
    passed_on("RFC 9112 7.1", "chunks stay the chunks they are", chunked("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n")),
    passed_on("RFC 9112 7.1", "no chunk but the last", chunked("0\r\n\r\n")),
    passed_on("RFC 9112 7.1", "data that looks like the last chunk", chunked("5\r\n0\r\n\r\n\r\n0\r\n\r\n")),
    passed_on("RFC 9112 7.1", "leading zeros end here", chunked("0005\r\nhello\r\n000\r\n\r\n"), HELLO),
    passed_on("RFC 9112 7.1.1", "extensions end here", chunked('5;a="b"\r\nhello\r\n0;c\r\n\r\n'), HELLO),
    passed_on("RFC 9110 6.5", "a trailer that sums up goes on", chunked("1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n")),
    passed_on("RFC 9110 11.6.3", "Authentication-Info may come last", chunked("0\r\nAuthentication-Info: a=b\r\n\r\n")),
    passed_on("RFC 9110 6.5.1", "a cookie that comes last ends here",
              chunked("0\r\nSet-Cookie: a=b\r\n\r\n"), chunked("0\r\n\r\n")),
    passed_on("RFC 9110 6.5.1", "so does a place to go", chunked("0\r\nLocation: /b\r\n\r\n"), chunked("0\r\n\r\n")),
    passed_on("RFC 9110 6.5.1", "so does a length",
              chunked("0\r\nContent-Length: 5\r\nX: y\r\n\r\n"), chunked("0\r\nX: y\r\n\r\n")),
    passed_on("RFC 9110 6.5.1", "so does a lifetime",
              chunked("0\r\nCache-Control: public\r\nAge: 0\r\n\r\n"), chunked("0\r\n\r\n")),
    passed_on("RFC 9110 6.5.1", "so does the balancer's own bookkeeping",
              chunked("0\r\nSession-Outcome: hit\r\nServed-By: b\r\n\r\n"), chunked("0\r\n\r\n")),
    passed_on("RFC 9112 7", "extensions and zeros, for HTTP/1.0", chunked("0005;a\r\nhello\r\n00\r\n\r\n"),
              ok("Connection: close", body="hello"), request=OLD, after=CLOSED),
    passed_on("RFC 9112 7.1", "what follows the last chunk is nobody's", HELLO + b"0\r\n\r\n", HELLO, reused=False),

    wrong("RFC 9112 7.1", "no size", "hello\r\n"),
    wrong("RFC 9112 7.1", "an empty line for a size", "\r\n5\r\nhello\r\n"),
    wrong("RFC 9112 7.1", "a minus sign", "-5\r\nhello\r\n0\r\n\r\n"),
    wrong("RFC 9112 7.1", "0x", "0x5\r\nhello\r\n0\r\n\r\n"),
    wrong("RFC 9112 7.1", "a blank behind the size, as old servers wrote", "5 \r\nhello\r\n0\r\n\r\n"),
    wrong("RFC 9112 7.1", "2^64 + 5", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
    wrong("RFC 9112 2.2", "a bare LF behind the size", "5\nhello\r\n0\r\n\r\n"),
    wrong("CVE-2025-55315", "a bare LF in an extension", "5;\nhello\r\n0\r\n\r\n"),
    wrong("RFC 9112 2.2", "a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
    wrong("RFC 9112 7.1.1", "a NUL in an extension", "5;\0\r\nhello\r\n0\r\n\r\n"),
    wrong("CVE-2025-47905", "no CRLF behind the data", "5\r\nhello0\r\n\r\n", "5\r\nhello"),
    wrong("RFC 9112 2.2", "a bare LF behind the data", "5\r\nhello\n0\r\n\r\n", "5\r\nhello"),
    wrong("RFC 9112 7.1", "more data than its size", "4\r\nhello\r\n0\r\n\r\n", "4\r\nhell"),
    wrong("RFC 9112 7.1", "a good chunk, and then none", "5\r\nhello\r\nx\r\n", "5\r\nhello\r\n"),
    wrong("RFC 9112 5.1", "a trailer with a blank before the colon", "0\r\nX : y\r\n\r\n"),
    wrong("RFC 9112 5.2", "a folded trailer", "0\r\nX: y\r\n z\r\n\r\n"),
    wrong("RFC 9112 2.2", "a bare LF in a trailer: an answer of an attacker's", "0\r\nX: y\nSet-Cookie: a=b\r\n\r\n"),
    wrong("RFC 9110 5.5", "a NUL in a trailer", "0\r\nX: \0\r\n\r\n"),
    wrong("RFC 9112 7.1.2", "another answer in place of trailers", "0\r\nHTTP/1.1 200 OK\r\n\r\n"),
    wrong("RFC 9112 7.1.2", "trailers without end", "0\r\n" + "X: y\r\n" * 200),
    cut_short("RFC 9112 8", "no last chunk", chunked("5\r\nhello\r\n"), chunked("5\r\nhello\r\n")),
    cut_short("RFC 9112 8", "data cut short", chunked("5\r\nhel"), chunked("5\r\nhel")),
    cut_short("RFC 9112 8", "the last empty line missing",
              chunked("5\r\nhello\r\n0\r\n"), chunked("5\r\nhello\r\n")),
    cut_short("RFC 9112 8", "nothing but the head", chunked(""), chunked("")),
    broken_off("RFC 9112 8", "data cut short, for HTTP/1.0", chunked("5\r\nhel"), ok("Connection: close", body="hel"),
               request=OLD),
    broken_off("RFC 9112 8", "no last chunk, for HTTP/1.0",
               chunked("5\r\nhello\r\n"), ok("Connection: close", body="hello"), request=OLD),
]
