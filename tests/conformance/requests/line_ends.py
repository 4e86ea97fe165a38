"""Lines end with CRLF, and hold no control bytes; one empty line may go before a request (RFC 9112 section 2.2)."""

# fmt: off
from tests.conformance.rows import forwarded, get, message, refused, unfinished

PLAIN = get()


def value(text: str) -> bytes:
    return get(f"X: {text}")


ROWS = [
    # Empty lines before a request
    forwarded("RFC 9112 2.2", "one empty line before a request is passed over", b"\r\n" + PLAIN, PLAIN),
    refused("RFC 9112 2.2", "two are no request", b"\r\n\r\n" + PLAIN),
    refused("RFC 9112 2.2", "nor are a hundred", b"\r\n" * 100 + PLAIN),
    refused("RFC 9112 2.2", "a bare LF before a request", b"\n" + PLAIN),
    refused("RFC 9112 2.2", "a bare CR before a request", b"\r" + PLAIN),
    refused("RFC 9112 2.2", "an empty line that holds a blank", b" \r\n" + PLAIN),
    refused("RFC 9112 2.2", "CRLF and LF", b"\r\n\n" + PLAIN),
    refused("RFC 9112 3", "a NUL before a request", b"\0" + PLAIN),
    refused("RFC 9112 3", "a byte order mark before a request", b"\xef\xbb\xbf" + PLAIN),
    unfinished("RFC 9112 2.2", "an empty line and nothing more is no request", b"\r\n"),
    unfinished("RFC 9112 2.2", "half of it neither", b"\r"),

    # Bare LF
    refused("RFC 9112 2.2", "bare LFs all through", b"GET / HTTP/1.1\nHost: a\n\n"),
    refused("RFC 9112 2.2", "a bare LF after the request line", b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
    refused("RFC 9112 2.2", "a bare LF after a field", b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
    refused("CVE-2022-32214", "a bare LF that ends the head early: what follows is smuggled (node)",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: b\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"),
    refused("RFC 9112 2.2", "a bare LF for the empty line", b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
    refused("RFC 9112 2.2", "LF CR for CRLF", b"GET / HTTP/1.1\n\rHost: a\n\r\n\r"),
    refused("CVE-2021-37147", "a bare LF inside a value (Traffic Server)", value("b\nContent-Length: 5")),
    refused("RFC 9112 2.2", "a bare LF first in a value", value("\nb")),
    refused("RFC 9112 2.2", "a bare LF last in a value", value("b\n")),
    refused("RFC 9112 2.2", "a bare LF in a name", get("X\nY: b")),
    refused("RFC 9112 2.2", "a bare LF in the target", message("GET /\n HTTP/1.1", "Host: a")),
    refused("RFC 9112 2.2", "a bare LF in the method", message("GE\nT / HTTP/1.1", "Host: a")),

    # Bare CR
    refused("CVE-2023-30589", "a bare CR for the end of a field (node)", b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"),
    refused("CVE-2023-30589", "a bare CR that ends the head early (node)",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\rGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"),
    refused("RFC 9112 2.2", "bare CRs all through", b"GET / HTTP/1.1\rHost: a\r\r"),
    refused("RFC 9112 2.2", "a bare CR after the request line", b"GET / HTTP/1.1\rHost: a\r\n\r\n"),
    refused("RFC 9112 2.2", "CR CR LF after the request line", b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"),
    refused("RFC 9112 2.2", "CR CR LF after a field", b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
    refused("RFC 9112 2.2", "CR CR LF for the empty line", b"GET / HTTP/1.1\r\nHost: a\r\n\r\r\n"),
    refused("RFC 9112 2.2", "a bare CR inside a value", value("b\rc")),
    refused("RFC 9112 2.2", "a bare CR first in a value", value("\rb")),
    refused("RFC 9112 2.2", "a bare CR in a name", get("X\rY: b")),
    refused("RFC 9112 2.2", "a bare CR in the target", message("GET /\r HTTP/1.1", "Host: a")),
    refused("RFC 9112 2.2", "a bare CR before the version", message("GET / \rHTTP/1.1", "Host: a")),

    # Control bytes and what is beyond ASCII
    refused("CVE-2019-9900", "a NUL in a value (Envoy)", value("b\0c")),
    refused("CVE-2019-9900", "a NUL last in a value", value("b\0")),
    refused("RFC 9110 5.5", "DEL in a value", value("b\x7f")),
    refused("RFC 9110 5.5", "ESC in a value: it speaks to terminals that show logs", value("\x1b[2J")),
    refused("RFC 9110 5.5", "a vertical tab in a value", value("b\x0bc")),
    refused("RFC 9110 5.5", "a form feed in a value", value("b\x0cc")),
    refused("RFC 9110 5.5", "a backspace in a value", value("b\x08")),
    refused("RFC 9110 5.5", "the last control byte, 0x1f", value("b\x1f")),
    refused("RFC 9110 5.5", "the first control byte after NUL, 0x01", value("\x01")),
    forwarded("RFC 9110 5.5", "a tab inside a value goes on", value("b\tc")),
    forwarded("RFC 9110 5.5", "all of obs-text goes on as it is", value("".join(map(chr, range(0x80, 0x100))))),
    forwarded("RFC 9110 5.5", "0x85, a line's end in Unicode, is obs-text and ends nothing", value("b\x85Host: c")),
    forwarded("RFC 9110 5.5", "U+2028, a line's end in Unicode, ends nothing", value("b\xe2\x80\xa8Host: c")),
    forwarded("RFC 9110 5.5", "U+560A, which truncates to LF, ends nothing", value("\xe5\x98\x8a\xe5\x98\x8dHost: c")),
    forwarded("RFC 9110 5.5", "UTF-8 that is none goes on", value("\xc0\xaf\xff\xfe")),
    forwarded("RFC 9110 5.5", "an escaped CRLF is text", value("%0d%0aHost: c")),
    forwarded("RFC 9110 5.5", "every visible byte of ASCII goes on", value("".join(map(chr, range(0x21, 0x7f))))),
]
