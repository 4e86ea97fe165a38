"""Request lines: method, target, version, one blank between them (RFC 9112 section 3)."""

# fmt: off
from tests.conformance.rows import forwarded, get, message, refused, unfinished


def line(start: str) -> bytes:
    return message(start, "Host: a")


ROWS = [
    # Methods
    forwarded("RFC 9110 9.1", "a method that we do not know goes on", line("PROPFIND / HTTP/1.1")),
    forwarded("RFC 9110 9.1", "a method in small letters is another method, and goes on as it is",
              line("get / HTTP/1.1")),
    forwarded("RFC 9110 9.1", "a method in mixed case", line("Get / HTTP/1.1")),
    forwarded("RFC 9110 9.1", "any token is a method", line("!#$%&'*+-.^_`|~ / HTTP/1.1")),
    forwarded("RFC 9110 9.1", "one letter is a method", line("X / HTTP/1.1")),
    forwarded("RFC 9110 9.1", "32 letters, the longest that we pass on", line("M" * 32 + " / HTTP/1.1")),
    refused("RFC 9112 3", "33 letters", line("M" * 33 + " / HTTP/1.1"), 501),
    refused("RFC 9112 3", "a thousand letters, for a star", line("M" * 1000 + " * HTTP/1.1")),
    refused("RFC 9110 9.1", "no method", line(" / HTTP/1.1")),
    refused("RFC 9110 9.1", "a colon in it: a field line in the request line's place", line("X: / HTTP/1.1")),
    refused("RFC 9110 9.1", "a quoted method", line('"GET" / HTTP/1.1')),
    refused("RFC 9110 9.1", "a method in brackets", line("[GET] / HTTP/1.1")),
    refused("CVE-2023-49082", "a CRLF in it (aiohttp's client wrote some)", b"GET\r\n / HTTP/1.1\r\nHost: a\r\n\r\n"),
    refused("RFC 9110 9.1", "a byte above ASCII in it", line("G\xcbT / HTTP/1.1")),
    refused("RFC 9110 9.1", "a NUL in it", line("G\0ET / HTTP/1.1")),
    refused("RFC 9110 9.3.6", "CONNECT is for proxies of another kind", line("CONNECT a:443 HTTP/1.1"), 405),
    refused("CVE-2025-64763", "CONNECT with bytes for the tunnel that is not there (Envoy)",
            message("CONNECT a:443 HTTP/1.1", "Host: a:443", body="GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"), 405),
    forwarded("RFC 9110 9.1", "connect in small letters is no tunnel but a method nobody knows",
              line("connect / HTTP/1.1")),

    # Blanks
    refused("RFC 9112 3", "two blanks before the target", line("GET  / HTTP/1.1")),
    refused("RFC 9112 3", "two blanks before the version", line("GET /  HTTP/1.1")),
    refused("RFC 9112 3", "a blank first", line(" GET / HTTP/1.1")),
    refused("RFC 9112 3", "a blank last", line("GET / HTTP/1.1 ")),
    refused("RFC 9112 3", "a tab for the first blank", line("GET\t/ HTTP/1.1")),
    refused("RFC 9112 3", "a tab for the second blank", line("GET /\tHTTP/1.1")),
    refused("RFC 9112 3", "a tab last", line("GET / HTTP/1.1\t")),
    refused("RFC 9112 3", "a vertical tab for a blank", line("GET\x0b/ HTTP/1.1")),
    refused("RFC 9112 3", "a form feed for a blank", line("GET /\x0cHTTP/1.1")),
    refused("RFC 9112 3", "a no-break space for a blank", line("GET\xa0/ HTTP/1.1")),
    refused("RFC 9112 3", "no target", line("GET HTTP/1.1")),
    refused("RFC 9112 3", "no target between two blanks", line("GET  HTTP/1.1")),
    refused("RFC 9112 3", "a fourth word", line("GET / HTTP/1.1 x")),
    refused("RFC 9112 3", "a version in the middle: which one ends it?", line("GET / HTTP/1.1 /x HTTP/1.1")),

    # Versions
    refused("RFC 9112 2.3", "http in small letters", line("GET / http/1.1")),
    refused("RFC 9112 2.3", "no slash", line("GET / HTTP1.1")),
    refused("RFC 9112 2.3", "no minor version", line("GET / HTTP/1")),
    refused("RFC 9112 2.3", "no version after the slash", line("GET / HTTP/")),
    refused("RFC 9112 2.3", "a comma for the dot", line("GET / HTTP/1,1")),
    refused("RFC 9112 2.3", "two digits for the minor version", line("GET / HTTP/1.10")),
    refused("RFC 9112 2.3", "zeros before the version", line("GET / HTTP/01.1")),
    refused("RFC 9112 2.3", "a sign before the version", line("GET / HTTP/+1.1")),
    refused("RFC 9112 2.3", "a blank in the version", line("GET / HTTP/ 1.1")),
    refused("RFC 9112 2.3", "letters behind the version", line("GET / HTTP/1.1x")),
    refused("RFC 9112 2.3", "another protocol's name", line("GET / ICAP/1.0")),
    refused("RFC 9112 2.3", "a name that ends with it", line("GET / XHTTP/1.1")),
    refused("CVE-2024-23829", "a version in other digits (aiohttp)", line("GET / HTTP/1.\xd9\xa1")),
    refused("CVE-2024-23829", "another byte for the dot (aiohttp)", line("GET / HTTP/1\xf61")),
    refused("CVE-2024-23829", "a colon behind the target, and no blank before it (aiohttp)", line("GET/: HTTP/1.1")),
    refused("RFC 9110 15.6.6", "HTTP/1.2 is not served", line("GET / HTTP/1.2"), 505),
    refused("RFC 9110 15.6.6", "nor is HTTP/1.9", line("GET / HTTP/1.9"), 505),
    refused("RFC 9110 15.6.6", "nor is HTTP/2.0 in this form", line("GET / HTTP/2.0"), 505),
    refused("RFC 9110 15.6.6", "nor is HTTP/3.0", line("GET / HTTP/3.0"), 505),
    refused("RFC 9110 15.6.6", "nor is HTTP/0.9 that says so", line("GET / HTTP/0.9"), 505),
    forwarded("RFC 9112 2.3", "HTTP/1.0 goes on as our own version, and ends after its answer",
              message("GET / HTTP/1.0", "Host: a"), get(), after="closed"),
    forwarded("RFC 9112 9.3", "HTTP/1.0 with keep-alive stays",
              message("GET / HTTP/1.0", "Host: a", "Connection: keep-alive"), get()),
    unfinished("RFC 9112 8", "a head cut short is no request", b"GET / HTTP/1.1\r\nHost: a\r\n"),
    unfinished("RFC 9112 8", "half a request line neither", b"GET / HT"),
]
