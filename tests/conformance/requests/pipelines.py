"""Several requests in one go: each is answered in order, and after an error nothing is (RFC 9112 section 9.3.2)."""

# fmt: off
from tests.conformance.rows import get, in_turn, message, post

ONE, TWO = get("N: 1"), get("N: 2")
FIVE = post("Content-Length: 5", body="hello")
CHUNKS = post("Transfer-Encoding: chunked", body="5\r\nhello\r\n0\r\n\r\n")
HEAD = message("HEAD / HTTP/1.1", "Host: a")
LAST = get("Connection: close")
OLD = message("GET / HTTP/1.0", "Host: a")
BAD = {
    "no Host": message("GET / HTTP/1.1"),
    "two lengths": post("Content-Length: 5", "Content-Length: 6", body="hello"),
    "both framings": post("Content-Length: 5", "Transfer-Encoding: chunked", body="0\r\n\r\n"),
    "a line that is no request": b"hello\r\n\r\n",
    "a blank before the colon": get("X : y"),
}

ROWS = [
    in_turn("RFC 9112 9.3.2", "two requests", ONE + TWO, (200, 200), ONE, TWO, after="kept"),
    in_turn("RFC 9112 9.3.2", "twenty of them", ONE * 20, (200,) * 20, *[ONE] * 20, after="kept"),
    in_turn("RFC 9112 6.3", "a body, and a request right behind it", FIVE + TWO, (200, 200), FIVE, TWO, after="kept"),
    in_turn("RFC 9112 6.3", "chunks, and a request right behind them",
            CHUNKS + TWO, (200, 200), CHUNKS, TWO, after="kept"),
    in_turn("RFC 9112 6.3", "body, chunks, body", FIVE + CHUNKS + FIVE, (200,) * 3, FIVE, CHUNKS, FIVE, after="kept"),
    in_turn("RFC 9112 2.2", "an empty line between two requests",
            ONE + b"\r\n" + TWO, (200, 200), ONE, TWO, after="kept"),
    in_turn("RFC 9112 2.2", "an empty line after a body, as old browsers sent",
            FIVE + b"\r\n" + TWO, (200, 200), FIVE, TWO,
            after="kept"),
    in_turn("RFC 9112 2.2", "two empty lines between two requests",
            ONE + b"\r\n\r\n" + TWO, (200, 400), ONE, after="closed"),
    in_turn("RFC 9110 9.3.2", "HEAD among others", ONE + HEAD + TWO, (200, 200, 200), ONE, HEAD, TWO, after="kept"),
    in_turn("RFC 9112 9.6", "nothing after the one that says close",
            ONE + LAST + TWO, (200, 200), ONE, get(), after="closed"),
    in_turn("RFC 9112 9.3", "nothing after one of HTTP/1.0", ONE + OLD + TWO, (200, 200), ONE, get(), after="closed"),
    in_turn("RFC 9112 9.6", "nothing after close, not even an error",
            LAST + b"nonsense\r\n\r\n", (200,), get(), after="closed"),
    in_turn("RFC 9112 6.3", "a length one too small: its last byte spoils the next request",
            post("Content-Length: 4", body="hello") + TWO, (200, 200), post("Content-Length: 4", body="hell"),
            b"o" + TWO, after="kept"),
    in_turn("RFC 9112 6.3", "a length one too small, and the byte can begin no method",
            post("Content-Length: 4", body="hell(") + TWO, (200, 400), post("Content-Length: 4", body="hell"),
            after="closed"),
    in_turn("RFC 9112 6.3", "a length that takes the next request's first line for its body",
            post("Content-Length: 16", body="GET / HTTP/1.1\r\n") + TWO, (200, 200),
            post("Content-Length: 16", body="GET / HTTP/1.1\r\n"), TWO, after="kept"),
    in_turn("RFC 9112 9.3.2", "a refused one in the middle: those before it are answered",
            ONE + TWO + BAD["no Host"] + ONE, (200, 200, 400), ONE, TWO, after="closed"),
    *(in_turn("RFC 9112 9.6", f"nothing after an error: {why}", ONE + bad + TWO, (200, 400), ONE, after="closed")
      for why, bad in BAD.items()),
    in_turn("RFC 9110 10.1.1", "nothing after an expectation that is refused",
            ONE + get("Expect: x") + TWO, (200, 417), ONE, after="closed"),
    in_turn("RFC 9110 15.6.6", "nothing after another version",
            ONE + message("GET / HTTP/3.0", "Host: a") + TWO, (200, 505), ONE,
            after="closed"),
    in_turn("RFC 9110 9.3.8", "nothing after TRACE",
            ONE + message("TRACE / HTTP/1.1", "Host: a") + TWO, (200, 405), ONE,
            after="closed"),
    in_turn("CVE-2024-41671", "a slow first and a quick second are answered in order (Twisted)",
            CHUNKS + HEAD + ONE, (200,) * 3, CHUNKS, HEAD, ONE, after="kept"),
]
