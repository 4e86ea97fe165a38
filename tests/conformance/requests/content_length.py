"""Content-Length: a decimal number, once, or the message is refused (RFC 9110 section 8.6, RFC 9112 section 6.3)."""

# fmt: off
from tests.conformance.rows import forwarded, get, message, post, refused, unfinished


def length(value: str, body: str = "hello") -> bytes:
    return post(f"Content-Length: {value}", body=body)


OLD = "POST / HTTP/1.0"

ROWS = [
    # What it may be
    forwarded("RFC 9112 6.3", "a number", length("5")),
    forwarded("RFC 9112 6.3", "zero: no body, and the next request begins at once", length("0", "")),
    forwarded("RFC 9112 6.3", "none: no body either", post()),
    forwarded("RFC 9110 9.3.1", "a body of a GET is a body, not the next request (CL.0)",
              get("Content-Length: 5", body="hello")),
    forwarded("RFC 9110 9.3.2", "likewise of a HEAD",
              message("HEAD / HTTP/1.1", "Host: a", "Content-Length: 5", body="hello")),
    forwarded("RFC 9110 9.3.5", "likewise of a DELETE",
              message("DELETE / HTTP/1.1", "Host: a", "Content-Length: 5", body="hello")),
    forwarded("CVE-2025-54142", "likewise of OPTIONS (Akamai passed the body on as a request)",
              message("OPTIONS / HTTP/1.1", "Host: a", "Content-Length: 5", body="hello")),
    forwarded("RFC 9112 6.3", "a body that looks like a request stays a body",
              length("40", "GET /smuggled HTTP/1.1\r\nHost: victim\r\n\r\n")),
    forwarded("RFC 9112 6.3", "a body that looks like chunks stays a body", length("5", "0\r\n\r\n")),
    forwarded("RFC 9112 6.3", "a body of NUL, CR and LF goes on untouched", length("6", "\0\r\n\n\r\0")),
    forwarded("RFC 9110 5.1", "the name in any case", post("cOnTeNt-LeNgTh: 5", body="hello")),
    forwarded("RFC 9112 5", "no blank after the colon: one goes on", post("Content-Length:5", body="hello"),
              post("Content-Length: 5", body="hello")),
    forwarded("RFC 9112 5", "blanks around the value end here", length(" 5  "), length("5")),
    forwarded("RFC 9112 5", "tabs around the value end here", length("\t5\t"), length("5")),
    forwarded("RFC 9110 8.6", "a leading zero is not octal: it goes on without", length("05"), length("5")),
    forwarded("RFC 9110 8.6", "010 is ten, for C's strtol(base 0) it would be eight", length("010", "0123456789"),
              length("10", "0123456789")),
    forwarded("RFC 9110 8.6", "many zeros are zero", length("000", ""), length("0", "")),
    forwarded("RFC 9112 6.3", "HTTP/1.0 has it, too", message(OLD, "Host: a", "Content-Length: 5", body="hello"),
              length("5"), after="closed"),
    unfinished("RFC 9112 8", "a body cut short is no request", length("6"), length("6")),
    unfinished("RFC 9112 8", "one byte of a body missing", length("2", "a"), length("2", "a")),

    # Not a number
    refused("CVE-2021-32715", "a plus sign (hyper)", length("+5")),
    refused("CVE-2020-15049", "a plus sign after a blank (Squid)", length(" +5")),
    refused("RFC 9110 8.6", "a minus sign", length("-5")),
    refused("RFC 9110 8.6", "minus zero", length("-0", "")),
    refused("CVE-2022-24801", "hexadecimal (Twisted, in chunks)", length("0x5")),
    refused("RFC 9110 8.6", "hexadecimal without its 0x", length("a")),
    refused("RFC 9110 8.6", "a trailing letter that atoi would pass over", length("5a")),
    refused("RFC 9110 8.6", "a fraction", length("5.0")),
    refused("RFC 9110 8.6", "an exponent", length("5e0")),
    refused("RFC 9110 8.6", "an underscore, which Python's int() takes", length("1_0", "0123456789")),
    refused("CVE-2023-47627", "a superscript digit, which str.isdigit() takes (aiohttp)", length("\xb2", "he")),
    refused("RFC 9110 8.6", "an Arabic digit in UTF-8, which int() takes", length("\xd9\xa5")),
    refused("RFC 9110 8.6", "a blank inside", length("1 0", "0123456789")),
    refused("RFC 9110 8.6", "a tab inside", length("1\t0", "0123456789")),
    refused("RFC 9110 5.5", "a NUL behind it, where C would stop reading", length("5\0")),
    refused("CVE-2019-18277", "a vertical tab before it (HAProxy, in Transfer-Encoding)", length("\x0b5")),
    refused("RFC 9110 5.6.3", "a no-break space behind it", length("5\xa0")),
    refused("RFC 9110 5.6.4", "quoted", length('"5"')),
    refused("CVE-2023-40225", "empty (HAProxy passed it on)", length("", "")),
    refused("CVE-2023-40225", "empty, and a body follows", post("Content-Length:", body="hello")),
    refused("CVE-2023-40225", "only blanks", length("   ", "")),
    refused("RFC 9110 8.6", "a unit", length("5 bytes")),
    refused("RFC 9110 5.6.6", "a parameter", length("5;x=y")),

    refused("RFC 9110 9.3.2", "none in a HEAD, whose refusal has no body",
            message("HEAD / HTTP/1.1", "Host: a", "Content-Length: x")),

    # Too large to be believed
    refused("RFC 9110 8.6", "2^64: zero after an overflow", length("18446744073709551616", "")),
    refused("CVE-2017-7657", "2^64 + 5: five after an overflow (Jetty, in chunks)", length("18446744073709551621")),
    refused("RFC 9110 8.6", "2^63", length("9223372036854775808", "")),
    refused("RFC 9110 8.6", "a thousand digits", length("1" * 1000, "")),
    refused("RFC 9110 8.6", "a thousand zeros before the five: longer than anybody means it", length("0" * 1000 + "5")),

    # More than once
    refused("RFC 9112 6.3", "a list of equal values", length("5, 5")),
    refused("RFC 9112 6.3", "a list of different values", length("5, 0")),
    refused("RFC 9112 6.3", "a list without a blank", length("5,5")),
    refused("RFC 9110 5.6.1", "a list that ends with a comma", length("5,")),
    refused("RFC 9110 5.6.1", "a list that begins with a comma", length(",5")),
    refused("RFC 9110 8.6", "equal values joined by a semicolon", length("5;5")),
    refused("RFC 9112 6.3", "equal values in two fields", post("Content-Length: 5", "Content-Length: 5", body="hello")),
    refused("CVE-2017-7658", "different values in two fields (Jetty)",
            post("Content-Length: 0", "Content-Length: 5", body="hello")),
    refused("CVE-2020-10108", "the larger one first (Twisted)",
            post("Content-Length: 5", "Content-Length: 0", body="hello")),
    refused("RFC 9112 6.3", "equal numbers, spelled differently",
            post("Content-Length: 5", "Content-Length: 05", body="hello")),
    refused("RFC 9110 5.1", "two names that differ by their case",
            post("Content-Length: 5", "content-length: 0", body="hello")),
    refused("RFC 9112 6.3", "far apart, other fields between them",
            post("Content-Length: 5", *(f"X-{n}: y" for n in range(60)), "Content-Length: 0", body="hello")),
    refused("CVE-2023-40225", "one that is empty, and one that is not",
            post("Content-Length:", "Content-Length: 5", body="hello")),

    # In disguise
    refused("RFC 3875 4.1.18", "an underscore: CGI and WSGI read Content-Length",
            post("Content_Length: 5", body="hello")),
    refused("RFC 3875 4.1.18", "an underscore beside the true one",
            post("Content-Length: 5", "Content_Length: 0", body="hello")),
    refused("RFC 3875 4.1.18", "a dot for the hyphen, which old CGI servers make an underscore",
            post("Content.Length: 5", body="hello")),
    refused("CVE-2019-16276", "a blank before the colon (Go)", post("Content-Length : 5", body="hello")),
    refused("CVE-2021-22959", "a blank before the colon, beside the true one (node)",
            post("Content-Length : 5", "Content-Length: 0", body="hello")),
    refused("CVE-2024-27982", "a blank before the name (node)", get(" Content-Length: 5", body="hello")),
    forwarded("CVE-2021-40346", "a name of 270 letters that an 8-bit length cuts to Content-Length (HAProxy)",
              post("Content-Length0" + "a" * 255 + ":", "Content-Length: 5", body="hello")),
    forwarded("RFC 9110 5.1", "a name that only begins with it is another name",
              post("Content-Length-X: 0", "Content-Length: 5", body="hello")),
    forwarded("RFC 9110 5.1", "a name that only ends with it is another name",
              post("X-Content-Length: 0", "Content-Length: 5", body="hello")),
    refused("RFC 9112 5.2", "folded onto its own line", post("Content-Length:", " 5", body="hello")),
    refused("RFC 9112 5.2", "a number continued on a folded line", post("Content-Length: 1", " 0", body="0123456789")),
]
