"""Trailers: those that a server could mistake for fields of the head end here (RFC 9110 section 6.5)."""

# fmt: off
from tests.conformance.rows import Request, forwarded, post, refused_in_body, unfinished


def trailed(*lines: str) -> bytes:
    return post("Transfer-Encoding: chunked", body="\r\n".join(["1", "a", "0", *lines, "", ""]))


BARE = trailed()


def ends_here(source: str, why: str, line: str) -> Request:
    return forwarded(source, why, trailed("X-Sum: 1", line, "X-Sum: 2"), trailed("X-Sum: 1", "X-Sum: 2"))


ROWS = [
    forwarded("RFC 9110 6.5", "a trailer that only sums up goes on", trailed("X-Sum: 1")),
    forwarded("RFC 9530 3", "so does a digest of the content", trailed("Content-Digest: sha-256=:AA==:")),
    forwarded("RFC 9110 8.8.3", "an entity tag may come last", trailed('ETag: "a"')),
    forwarded("RFC 9110 6.5", "several, in order, and repeated ones", trailed("A: 1", "B: 2", "A: 3")),
    forwarded("RFC 9110 6.6.2", "Trailer announces them, and goes on",
              post("Trailer: X-Sum", "Transfer-Encoding: chunked", body="0\r\nX-Sum: 1\r\n\r\n")),
    forwarded("RFC 9112 7.1.2", "trailers after an extension of the last chunk",
              post("Transfer-Encoding: chunked", body="1\r\na\r\n0;x\r\nX-Sum: 1\r\n\r\n"), trailed("X-Sum: 1")),
    forwarded("RFC 9110 5.5", "obs-text in a value", trailed("X-Sum: \xe4")),

    ends_here("RFC 9110 6.5.1", "a length would frame what is over", "Content-Length: 50"),
    ends_here("RFC 9110 6.5.1", "a coding would frame what is over", "Transfer-Encoding: chunked"),
    ends_here("RFC 3875 4.1.18", "a length in disguise", "Content_Length: 50"),
    ends_here("RFC 3875 4.1.18", "a coding in disguise", "transfer_encoding: chunked"),
    ends_here("RFC 9110 6.5.1", "a Host would change where it goes", "Host: victim"),
    ends_here("RFC 9110 6.5.1", "a cookie would change who asks", "Cookie: session_id=victim"),
    ends_here("RFC 9110 6.5.1", "so would Authorization", "Authorization: Basic eDp5"),
    ends_here("RFC 9110 6.5.1", "a content type would change what it is", "Content-Type: text/html"),
    ends_here("RFC 9110 6.5.1", "a content coding would change how to read it", "Content-Encoding: gzip"),
    ends_here("RFC 9110 6.5.1", "a range of what is over", "Content-Range: bytes 0-1/2"),
    ends_here("RFC 9110 6.5.1", "a range asked for too late", "Range: bytes=0-1"),
    ends_here("RFC 9110 6.5.1", "a condition after the deed", "If-Match: *"),
    ends_here("RFC 9110 6.5.1", "an expectation after the deed", "Expect: 100-continue"),
    ends_here("RFC 9110 6.5.1", "Max-Forwards, when it is here already", "Max-Forwards: 0"),
    ends_here("RFC 9110 7.6.1", "Connection speaks of a connection", "Connection: close"),
    ends_here("RFC 9110 7.6.1", "Keep-Alive likewise", "Keep-Alive: timeout=9"),
    ends_here("RFC 9110 7.8", "no upgrade comes last", "Upgrade: websocket"),
    ends_here("RFC 7239 8.1", "nobody forges where a request comes from", "X-Forwarded-For: 10.0.0.1"),
    ends_here("RFC 7239 8.1", "nor in disguise", "X_Forwarded_For: 10.0.0.1"),
    ends_here("RFC 7239 8.1", "nor by the standard's own field", "Forwarded: for=10.0.0.1"),
    ends_here("RFC 7239 8.1", "nor by nginx's custom", "X-Real-IP: 10.0.0.1"),
    ends_here("CVE-2016-5385", "Proxy is a setting to CGI programs (httpoxy)", "Proxy: http://evil.test"),
    ends_here("RFC 9110 6.5.1", "another method by a trailer", "X-HTTP-Method-Override: DELETE"),
    ends_here("CVE-2018-14773", "another path by a trailer (Symfony)", "X-Original-URL: /admin"),
    ends_here("RFC 9110 6.6.2", "a trailer that announces trailers", "Trailer: Host"),

    refused_in_body("RFC 9112 5.1", "a blank before the colon", trailed("X-Sum : 1")),
    refused_in_body("RFC 9112 5.2", "folded", trailed("X-Sum: 1", " 2")),
    refused_in_body("RFC 9112 2.2", "a blank before the first", trailed(" X-Sum: 1")),
    refused_in_body("RFC 9112 5", "no colon", trailed("X-Sum")),
    refused_in_body("CVE-2023-25725", "no name (HAProxy)", trailed(": 1")),
    refused_in_body("CVE-2025-53643", "a request in place of trailers (aiohttp passed over them)",
                    post("Transfer-Encoding: chunked", body="0\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")),
    refused_in_body("RFC 9112 2.2", "a bare LF after one", post("Transfer-Encoding: chunked", body="0\r\nX: 1\n\r\n")),
    refused_in_body("RFC 9112 2.2", "a bare LF inside one", trailed("X: 1\nHost: b")),
    refused_in_body("RFC 9112 2.2", "a bare CR inside one", trailed("X: 1\rHost: b")),
    refused_in_body("RFC 9110 5.5", "a NUL inside one", trailed("X: 1\0")),
    refused_in_body("RFC 9110 5.1", "a name above ASCII", trailed("X-S\xfcm: 1")),
    refused_in_body("CVE-2023-46589", "one longer than eight kilobytes (Tomcat took the rest for a request)",
                    trailed("X: " + "1" * 9000), 431),
    refused_in_body("CVE-2023-45648", "more of them than a head may have fields (Tomcat)",
                    trailed(*(f"X-{n}: 1" for n in range(101))), 431),
    forwarded("RFC 9110 6.5.1", "as many of them as a head may have fields",
              trailed(*(f"X-{n}: 1" for n in range(100)))),
    refused_in_body("CVE-2023-46589", "one as long that would have ended here", trailed("Host: " + "1" * 9000), 431),
    refused_in_body("CVE-2026-22815", "without end, of those that end here (aiohttp)",
                    trailed(*["Host: a"] * 2000), 431),
    unfinished("RFC 9112 8", "cut short: not a whole request", trailed("X-Sum: 1")[:-2], BARE[:-5]),
]
