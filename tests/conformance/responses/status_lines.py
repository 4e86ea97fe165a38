"""Status lines of backends (RFC 9112 section 4)."""

# fmt: off
from tests.conformance.rows import POST, Response, bad, message, ok, passed_on


def line(start: str, *lines: str, body: str = "") -> bytes:
    return message(start, "Content-Length: 0", *lines, body=body)


def is_none(source: str, why: str, start: str) -> Response:
    return bad(source, why, line(start))


ROWS = [
    passed_on("RFC 9112 4", "a status and its reason", line("HTTP/1.1 200 OK")),
    passed_on("RFC 9112 4", "an empty reason", line("HTTP/1.1 200 ")),
    passed_on("RFC 9112 4", "no blank behind the status: one goes on", line("HTTP/1.1 200"), line("HTTP/1.1 200 ")),
    passed_on("RFC 9112 4", "a reason of the backend's own", line("HTTP/1.1 200 Quite Fine, Thanks")),
    passed_on("RFC 9112 4", "a reason with tabs and obs-text", line("HTTP/1.1 404 Nicht\tgefunden, tsch\xfcss")),
    passed_on("RFC 9112 4", "a reason that looks like a field", line("HTTP/1.1 200 Set-Cookie: a=b")),
    passed_on("RFC 9112 4", "two blanks: the second belongs to the reason", line("HTTP/1.1 200  OK")),
    passed_on("RFC 9110 15", "a status that nobody has registered", line("HTTP/1.1 299 X")),
    passed_on("RFC 9110 15", "the highest status", line("HTTP/1.1 599 X")),
    passed_on("RFC 9110 15.5.6", "an error is an answer like any other", line("HTTP/1.1 405 X", "Allow: GET")),
    passed_on("RFC 9110 15.6.4", "a 503 of the backend's own", line("HTTP/1.1 503 X", "Retry-After: 9")),
    passed_on("RFC 9112 2.3", "HTTP/1.0 becomes our own version; its connection ends", line("HTTP/1.0 200 OK"),
              line("HTTP/1.1 200 OK"), reused=False),
    passed_on("RFC 9112 9.3", "HTTP/1.0 with keep-alive stays", line("HTTP/1.0 200 OK", "Connection: keep-alive"),
              line("HTTP/1.1 200 OK")),

    is_none("RFC 9112 4", "an empty line before it", "\r\nHTTP/1.1 200 OK"),
    is_none("RFC 9112 4", "a blank before it", " HTTP/1.1 200 OK"),
    is_none("RFC 9112 4", "another protocol's greeting", "220 mail.test ESMTP"),
    is_none("RFC 9112 4", "SSH", "SSH-2.0-OpenSSH_9.6"),
    is_none("RFC 9112 4", "a request in place of an answer", "GET / HTTP/1.1"),
    is_none("RFC 9112 2.3", "ICY, of old radio servers", "ICY 200 OK"),
    is_none("RFC 9112 2.3", "http in small letters", "http/1.1 200 OK"),
    is_none("RFC 9112 2.3", "no version", "HTTP 200 OK"),
    is_none("RFC 9112 2.3", "HTTP/1", "HTTP/1 200 OK"),
    is_none("RFC 9112 2.3", "HTTP/1.2", "HTTP/1.2 200 OK"),
    is_none("RFC 9112 2.3", "HTTP/2.0", "HTTP/2.0 200 OK"),
    is_none("RFC 9113 8.3", "HTTP/2, as curl prints it", "HTTP/2 200"),
    is_none("RFC 9112 2.3", "HTTP/0.9 that says so", "HTTP/0.9 200 OK"),
    is_none("RFC 9112 2.3", "two digits for the minor version", "HTTP/1.10 200 OK"),
    is_none("RFC 9112 4", "two blanks before the status", "HTTP/1.1  200 OK"),
    is_none("RFC 9112 4", "a tab before the status", "HTTP/1.1\t200 OK"),
    is_none("RFC 9112 4", "a tab behind the status", "HTTP/1.1 200\tOK"),
    is_none("RFC 9112 4", "no status", "HTTP/1.1 OK"),
    is_none("RFC 9112 4", "no status at all", "HTTP/1.1"),
    is_none("RFC 9112 4", "two digits", "HTTP/1.1 20 OK"),
    is_none("RFC 9112 4", "four digits", "HTTP/1.1 2000 OK"),
    is_none("RFC 9112 4", "a letter in it", "HTTP/1.1 2x0 OK"),
    is_none("RFC 9112 4", "a minus sign", "HTTP/1.1 -200 OK"),
    is_none("RFC 9112 4", "digits of another script", "HTTP/1.1 20\xd9\xa0 OK"),
    is_none("RFC 9110 15", "a status below 100", "HTTP/1.1 099 OK"),
    is_none("RFC 9110 15", "a status of zeros", "HTTP/1.1 000 OK"),
    is_none("RFC 9110 15", "a status above 599", "HTTP/1.1 600 OK"),
    is_none("RFC 9110 15", "999, of sites that dislike robots", "HTTP/1.1 999 Request denied"),
    is_none("RFC 9112 4", "a NUL in the reason", "HTTP/1.1 200 O\0K"),
    is_none("RFC 9112 4", "a control byte in the reason", "HTTP/1.1 200 \x1b[2J"),
    is_none("CVE-2024-24795", "a bare LF in the reason, and a field behind it (Apache)",
            "HTTP/1.1 200 OK\nSet-Cookie: a=b"),
    is_none("RFC 9112 2.2", "a bare CR in the reason", "HTTP/1.1 200 OK\rSet-Cookie: a=b"),
    is_none("RFC 9112 2.2", "CR CR LF behind it", "HTTP/1.1 200 OK\r"),

    bad("RFC 1945 6", "HTTP/0.9: a page and nothing else", b"<html>hello</html>", ends=True),
    bad("RFC 9112 8", "half a status line", b"HTTP/1.1 2", ends=True),
    bad("RFC 9112 8", "half a head", b"HTTP/1.1 200 OK\r\nContent-Le", ends=True),
    bad("RFC 9112 8", "everything but the empty line", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", ends=True),
    bad("RFC 9112 9.3.1", "nothing, to a request that must not be sent twice", b"", request=POST, ends=True),
    bad("RFC 9112 2.2", "a line without end", b"HTTP/1.1 200 " + b"x" * 40_000),
    bad("RFC 9112 3", "nothing but NULs", b"\0" * 40_000),
    passed_on("RFC 9112 8", "a head of one byte below all limits", ok("X: " + "y" * 32_000, "Content-Length: 0")),
]
