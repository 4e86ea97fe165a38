"""Expect and Upgrade: promises that a proxy makes for others (RFC 9110 sections 10.1.1 and 7.8, RFC 6455)."""

# fmt: off
from tests.conformance.rows import Request, forwarded, get, in_turn, message, post, refused

CONTINUE = "Expect: 100-continue"
KEY = ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")
SOCKET = get(*KEY, "Connection: Upgrade", "Upgrade: websocket")


def no_promise(source: str, why: str, expect: str) -> Request:
    return refused(source, why, post(f"Expect: {expect}", "Content-Length: 5", body="hello"), 417)


def no_upgrade(source: str, why: str, sent: bytes, reached: bytes | None = None) -> Request:
    return forwarded(source, why, sent, reached or get(*KEY))


ROWS = [
    # Expect
    forwarded("RFC 9110 10.1.1", "100-continue goes on, and the body behind it",
              post(CONTINUE, "Content-Length: 5", body="hello")),
    forwarded("RFC 9110 10.1.1", "in any case", post("expect: 100-Continue", "Content-Length: 5", body="hello")),
    forwarded("RFC 9110 10.1.1", "with chunks",
              post(CONTINUE, "Transfer-Encoding: chunked", body="1\r\na\r\n0\r\n\r\n")),
    forwarded("RFC 9110 10.1.1", "blanks around it",
              post("Expect:   100-continue ", "Content-Length: 5", body="hello")),
    forwarded("RFC 9110 10.1.1", "with no body to wait for (0.CL: no other byte is taken for one)", get(CONTINUE)),
    forwarded("CVE-2025-32094", "with OPTIONS and a body (Akamai)",
              message("OPTIONS / HTTP/1.1", "Host: a", CONTINUE, "Content-Length: 5", body="hello")),
    forwarded("RFC 9110 10.1.1", "HTTP/1.0 cannot mean it: it ends here",
              message("POST / HTTP/1.0", "Host: a", CONTINUE, "Content-Length: 5", body="hello"),
              post("Content-Length: 5", body="hello"), after="closed"),
    in_turn("RFC 9110 10.1.1", "a body that comes unasked is still the body, and the next request the next",
            post(CONTINUE, "Content-Length: 5", body="hello") + get(), (200, 200),
            post(CONTINUE, "Content-Length: 5", body="hello"), get(), after="kept"),
    no_promise("RFC 9110 15.5.18", "anything else", "a miracle"),
    no_promise("HTTP/1.1 Must Die (Kettle 2025)", "100-continue behind another word", "y 100-continue"),
    no_promise("HTTP/1.1 Must Die (Kettle 2025)", "100-continue before another word", "100-continue y"),
    no_promise("RFC 9110 10.1.1", "in a list", "100-continue, 100-continue"),
    no_promise("RFC 9110 10.1.1", "with a parameter", "100-continue;a=b"),
    no_promise("RFC 9110 10.1.1", "in quotes", '"100-continue"'),
    no_promise("RFC 9110 10.1.1", "a blank inside", "100 -continue"),
    no_promise("RFC 9110 10.1.1", "another number", "200-ok"),
    no_promise("RFC 9110 10.1.1", "empty", ""),
    no_promise("RFC 9110 10.1.1", "one letter short", "100-continu"),
    no_promise("RFC 9110 10.1.1", "zeros before it", "0100-continue"),
    refused("RFC 9110 9.3.2", "of HEAD: what is refused gets no body either",
            message("HEAD / HTTP/1.1", "Host: a", "Expect: x"), 417),
    refused("RFC 9110 10.1.1", "twice", post(CONTINUE, CONTINUE, "Content-Length: 5", body="hello")),
    refused("RFC 9110 10.1.1", "twice, once empty", post(CONTINUE, "Expect:", "Content-Length: 5", body="hello")),
    refused("CVE-2025-32094", "folded (Akamai took the line apart)", message(
            "OPTIONS / HTTP/1.1", "Host: a", "Expect:", " 100-continue", "Content-Length: 5", body="hello")),
    refused("CVE-2025-32094", "a value continued on the next line",
            post("Expect: 100-continue", " ,x", "Content-Length: 5", body="hello")),
    refused("RFC 9112 5.1", "a blank before the colon",
            post("Expect : 100-continue", "Content-Length: 5", body="hello")),
    refused("RFC 9110 5.5", "a NUL behind it", post("Expect: 100-continue\0", "Content-Length: 5", body="hello")),

    # Upgrade to WebSocket (the answers that may come are in responses/interim.py)
    forwarded("RFC 6455 4.1", "a WebSocket that is declined is a request like any other", SOCKET),
    forwarded("RFC 6455 4.1", "names in any case, and a list in Connection",
              get(*KEY, "connection: keep-alive, UPGRADE", "upgrade: WebSocket"), SOCKET),
    in_turn("CVE-2026-2833", "what follows one that is declined is the next request (Pingora passed it on unseen)",
            SOCKET + get(), (200, 200),
            SOCKET, get(), after="kept"),
    no_upgrade("RFC 6455 4.1", "a POST is no WebSocket",
               message("POST / HTTP/1.1", "Host: a", *KEY, "Connection: Upgrade", "Upgrade: websocket"),
               message("POST / HTTP/1.1", "Host: a", *KEY)),
    no_upgrade("RFC 6455 4.1", "a POST with a body",
               message("POST / HTTP/1.1", "Host: a", *KEY, "Connection: Upgrade", "Upgrade: websocket",
                       "Content-Length: 5", body="hello"),
               message("POST / HTTP/1.1", "Host: a", *KEY, "Content-Length: 5", body="hello")),
    no_upgrade("RFC 6455 4.1", "nor is a GET with a body",
               get(*KEY, "Connection: Upgrade", "Upgrade: websocket", "Content-Length: 5", body="hello"),
               get(*KEY, "Content-Length: 5", body="hello")),
    no_upgrade("RFC 6455 4.1", "nor one with chunks",
               get(*KEY, "Connection: Upgrade", "Upgrade: websocket", "Transfer-Encoding: chunked", body="0\r\n\r\n"),
               get(*KEY, "Transfer-Encoding: chunked", body="0\r\n\r\n")),
    no_upgrade("RFC 9110 7.8", "Connection does not name it", get(*KEY, "Upgrade: websocket")),
    no_upgrade("RFC 9110 7.8", "Connection names it, but it is not there", get(*KEY, "Connection: Upgrade")),
    no_upgrade("RFC 6455 4.1", "a version of it", get(*KEY, "Connection: Upgrade", "Upgrade: websocket/13")),
    no_upgrade("RFC 9110 7.8", "a list of protocols", get(*KEY, "Connection: Upgrade", "Upgrade: websocket, foo")),
    no_upgrade("RFC 9110 7.8", "an empty Upgrade", get(*KEY, "Connection: Upgrade", "Upgrade:")),
    forwarded("RFC 9110 7.8", "HTTP/1.0 has no upgrade",
              message("GET / HTTP/1.0", "Host: a", *KEY, "Connection: Upgrade, keep-alive", "Upgrade: websocket"),
              get(*KEY)),
    refused("RFC 9110 7.8", "two Upgrades: which one?",
            get(*KEY, "Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c")),
]
