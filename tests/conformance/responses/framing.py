"""Lengths of answers: as strict as those of requests, for the next answer is somebody else's (RFC 9112 section 6.3)."""

# fmt: off
from tests.conformance.rows import CLOSED, GET, Response, bad, cut_short, message, ok, passed_on

OLD = b"GET / HTTP/1.0\r\nHost: a\r\n\r\n"
OLD_KEPT = b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
CHUNKS = "5\r\nhello\r\n0\r\n\r\n"


def length(value: str, body: str = "hello") -> bytes:
    return ok(f"Content-Length: {value}", body=body)


def coding(value: str, *others: str) -> bytes:
    return ok(f"Transfer-Encoding: {value}", *others, body=CHUNKS)


def is_none(source: str, why: str, value: str) -> Response:
    return bad(source, why, length(value))


ROWS = [
    # Content-Length
    passed_on("RFC 9112 6.3", "a number", length("5")),
    passed_on("RFC 9110 5.1", "its name in small letters", ok("content-length: 5", body="hello")),
    passed_on("RFC 9112 5", "no blank after the colon: one goes on", ok("Content-Length:5", body="hello"), length("5")),
    passed_on("RFC 9112 5", "blanks and tabs around it end here", length(" \t5 \t"), length("5")),
    passed_on("RFC 9110 8.6", "leading zeros end here", length("0005"), length("5")),
    passed_on("RFC 9112 6.3", "a body that looks like an answer stays a body",
              length("38", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")),
    is_none("RFC 9110 8.6", "empty", ""),
    is_none("RFC 9110 8.6", "a plus sign", "+5"),
    is_none("RFC 9110 8.6", "a minus sign", "-5"),
    is_none("RFC 9110 8.6", "hexadecimal", "0x5"),
    is_none("RFC 9110 8.6", "a fraction", "5.0"),
    is_none("RFC 9110 8.6", "a blank inside", "5 5"),
    is_none("RFC 9110 8.6", "an underscore", "1_0"),
    is_none("RFC 9110 8.6", "a superscript digit", "\xb2"),
    is_none("RFC 9110 8.6", "2^64 + 5", "18446744073709551621"),
    is_none("RFC 9110 5.6.4", "quoted", '"5"'),
    is_none("RFC 9112 6.3", "a list of equal values", "5, 5"),
    is_none("RFC 9112 6.3", "a list of different values", "5, 0"),
    bad("RFC 9112 6.3", "the same value in two fields", ok("Content-Length: 5", "Content-Length: 5", body="hello")),
    bad("RFC 9112 6.3", "different values in two fields: the rest would be the next answer",
        ok("Content-Length: 0", "Content-Length: 5", body="hello")),
    bad("RFC 9112 5.1", "a blank before the colon", ok("Content-Length : 5", body="hello")),
    bad("RFC 9112 5.2", "folded", ok("Content-Length:", " 5", body="hello")),
    bad("RFC 3875 4.1.18", "an underscore in its name", ok("Content_Length: 5", body="hello")),
    bad("RFC 9110 5.5", "a NUL behind it", length("5\0")),
    cut_short("RFC 9112 8", "a body cut short", length("9"), length("9")),
    cut_short("RFC 9112 8", "a body that never begins", length("9", ""), length("9", "")),

    # More than was announced: whoever asks next must not get it
    passed_on("RFC 9112 6.3", "a byte too many", length("4"), length("4", "hell"), reused=False),
    passed_on("RFC 9112 9.3.2", "a second answer to one request (response queue poisoning)",
              length("5") + length("6", "stolen"), length("5"), reused=False),
    passed_on("RFC 9112 6.3", "a second answer behind an empty one",
              length("0", "") + length("6", "stolen"), length("0", ""),
              reused=False),
    passed_on("RFC 9112 6.3", "an empty line behind it", length("5") + b"\r\n", length("5"), reused=False),
    passed_on("RFC 9112 6.3", "a second answer behind chunks",
              coding("chunked") + length("6", "stolen"), coding("chunked"),
              reused=False),
    passed_on("RFC 9112 6.3", "an interim answer behind the final one", length("5") + b"HTTP/1.1 100 Continue\r\n\r\n",
              length("5"), reused=False),

    # Transfer-Encoding
    passed_on("RFC 9112 7.1", "chunked", coding("chunked")),
    passed_on("RFC 9112 7", "in capitals: goes on in small letters", coding("CHUNKED"), coding("chunked")),
    passed_on("RFC 9112 5", "a tab before it ends here",
              ok("Transfer-Encoding:\tchunked", body=CHUNKS), coding("chunked")),
    bad("RFC 9112 6.1", "both framings", coding("chunked", "Content-Length: 5")),
    bad("RFC 9112 6.1", "both framings, the length first",
        ok("Content-Length: 5", "Transfer-Encoding: chunked", body=CHUNKS)),
    bad("RFC 9112 6.1", "both framings, the length zero", coding("chunked", "Content-Length: 0")),
    bad("RFC 9112 6.1", "chunked in HTTP/1.0", message("HTTP/1.0 200 OK", "Transfer-Encoding: chunked", body=CHUNKS)),
    bad("RFC 9112 7", "gzip, chunked: nobody has asked for it", coding("gzip, chunked")),
    bad("RFC 9112 7", "gzip", coding("gzip")),
    bad("RFC 9112 7", "identity, which is gone", coding("identity")),
    bad("RFC 9112 6.1", "chunked twice", coding("chunked, chunked")),
    bad("RFC 9112 6.1", "chunked in two fields", coding("chunked", "Transfer-Encoding: chunked")),
    bad("RFC 9112 7.1", "chunked with a parameter", coding("chunked;a=b")),
    bad("RFC 9112 7", "a word that begins like it", coding("chunkedx")),
    bad("RFC 9110 5.6.4", "a quoted coding", coding('"chunked"')),
    bad("RFC 9112 6.1", "an empty coding", coding("")),
    bad("RFC 9110 5.6.1", "a comma behind it", coding("chunked,")),
    bad("CVE-2019-18277", "a vertical tab before it", coding("\x0bchunked")),
    bad("RFC 9112 5.1", "a blank before the colon of Transfer-Encoding",
        ok("Transfer-Encoding : chunked", body=CHUNKS)),
    bad("RFC 9112 5.2", "Transfer-Encoding, folded", ok("Transfer-Encoding:", " chunked", body=CHUNKS)),
    bad("RFC 3875 4.1.18", "an underscore in Transfer-Encoding", ok("Transfer_Encoding: chunked", body=CHUNKS)),
    bad("RFC 9110 5.6.3", "a no-break space behind it", coding("chunked\xa0")),

    # Neither: until the connection ends
    passed_on("RFC 9112 6.3", "a body that ends with the connection: the client's ends, too", ok(body="hello"),
              ok("Connection: close", body="hello"), reused=False, after=CLOSED, ends=True),
    passed_on("RFC 9112 6.3", "no body that ends with the connection", ok(), ok("Connection: close"), reused=False,
              after=CLOSED, ends=True),
    passed_on("RFC 9112 6.3", "its keep-alive means nothing then", ok("Connection: keep-alive", body="hello"),
              ok("Connection: close", body="hello"), reused=False, after=CLOSED, ends=True),
    passed_on("RFC 9112 6.3", "what looks like a second answer is the body", ok(body="HTTP/1.1 200 OK\r\n\r\n"),
              ok("Connection: close", body="HTTP/1.1 200 OK\r\n\r\n"), reused=False, after=CLOSED, ends=True),
    passed_on("RFC 9112 9.6", "close with a length: only the backend's connection ends", ok("Connection: close",
              "Content-Length: 5", body="hello"), length("5"), reused=False, ends=True),
    passed_on("RFC 9112 9.6", "close in capitals",
              ok("Connection: CLOSE", "Content-Length: 5", body="hello"), length("5"),
              reused=False, ends=True),

    # To clients of HTTP/1.0
    passed_on("RFC 9112 7", "HTTP/1.0 knows no chunks: the content goes on bare", coding("chunked"),
              ok("Connection: close", body="hello"), request=OLD, after=CLOSED),
    passed_on("RFC 9112 7", "even with keep-alive: only the end can tell where it ends", coding("chunked"),
              ok("Connection: close", body="hello"), request=OLD_KEPT, after=CLOSED),
    passed_on("RFC 9112 7.1.2", "nor trailers", ok("Transfer-Encoding: chunked", body="1\r\na\r\n0\r\nX: y\r\n\r\n"),
              ok("Connection: close", body="a"), request=OLD, after=CLOSED),
    passed_on("RFC 9112 9.3", "a length, with keep-alive", length("5"),
              ok("Content-Length: 5", "Connection: keep-alive", body="hello"), request=OLD_KEPT),
    passed_on("RFC 9112 9.6", "a client that says close gets it", length("5"),
              ok("Content-Length: 5", "Connection: close", body="hello"),
              request=GET[:-2] + b"Connection: close\r\n\r\n", after=CLOSED),
]
