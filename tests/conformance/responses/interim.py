"""1xx answers before the final one, and 101, after which nobody speaks HTTP (RFC 9110 sections 15.2 and 7.8)."""

# fmt: off
from tests.conformance.rows import CLOSED, HEAD, POST, TUNNEL, bad, get, message, ok, passed_on

OK = ok("Content-Length: 5", body="hello")
HINTS = message("HTTP/1.1 103 Early Hints", "Link: </a.css>; rel=preload")
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
BUSY = b"HTTP/1.1 102 Processing\r\n\r\n"
KEY = ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")
SOCKET = get(*KEY, "Connection: Upgrade", "Upgrade: websocket")
UPGRADED = ("Connection: Upgrade", "Upgrade: websocket")
ACCEPT = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
OLD = b"GET / HTTP/1.0\r\nHost: a\r\n\r\n"
OLD_KEPT = b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"


def switch(*lines: str, body: str = "") -> bytes:
    return message("HTTP/1.1 101 Switching Protocols", *lines, body=body)


ROWS = [
    # 1xx
    passed_on("RFC 9110 15.2", "100 that nobody has asked for", GO_ON + OK),
    passed_on("RFC 9110 15.2.1", "100 to a POST", GO_ON + OK, request=POST),
    passed_on("RFC 8297 2", "103 with its fields", HINTS + OK),
    passed_on("RFC 8297 2", "several of them", HINTS + HINTS + OK),
    passed_on("RFC 9110 15.2", "several kinds", GO_ON + BUSY + HINTS + OK),
    passed_on("RFC 9110 15.2", "1xx that nobody has registered", b"HTTP/1.1 199 X\r\n\r\n" + OK),
    passed_on("RFC 9110 15.2", "before an answer to HEAD", HINTS + ok("Content-Length: 5"), request=HEAD),
    passed_on("RFC 9110 15.2", "before a 304", HINTS + message("HTTP/1.1 304 X")),
    passed_on("RFC 9110 15.2", "before chunks", BUSY + ok("Transfer-Encoding: chunked", body="0\r\n\r\n")),
    passed_on("RFC 9110 15.2", "HTTP/1.0 does not know them", GO_ON + HINTS + OK,
              ok("Content-Length: 5", "Connection: close", body="hello"), request=OLD, after=CLOSED),
    passed_on("RFC 9110 8.6", "a length in one means nothing, and ends here",
              message("HTTP/1.1 103 X", "Content-Length: 5") + OK, b"HTTP/1.1 103 X\r\n\r\n" + OK),
    passed_on("RFC 9110 7.6.1", "hop-by-hop fields in one end here",
              message("HTTP/1.1 103 X", "Connection: keep-alive, Y", "Y: z", "Link: </a>") + OK,
              message("HTTP/1.1 103 X", "Link: </a>") + OK),
    passed_on("RFC 9112 9.6", "close in one: it is the final answer that counts",
              message("HTTP/1.1 102 X", "Connection: close") + OK,
              b"HTTP/1.1 102 X\r\n\r\n" + OK),
    passed_on("RFC 9110 15.2", "sixteen of them, the most that go on", BUSY * 16 + OK),
    passed_on("RFC 9112 2.3", "one of HTTP/1.0", b"HTTP/1.0 100 Continue\r\n\r\n" + OK, GO_ON + OK),
    bad("RFC 9110 15.2", "seventeen", BUSY * 17 + OK, request=OLD_KEPT),
    bad("RFC 9112 6.1", "chunks in one", message("HTTP/1.1 103 X", "Transfer-Encoding: chunked") + OK),
    bad("RFC 9112 6.3", "two lengths in one", message("HTTP/1.1 103 X", "Content-Length: 0", "Content-Length: 5") + OK),
    bad("RFC 9112 5.1", "a malformed field in one", message("HTTP/1.1 103 X", "Y : z") + OK),
    bad("RFC 9112 2.2", "a bare LF in one", b"HTTP/1.1 100 Continue\n\n" + OK),
    bad("RFC 9112 4", "a body behind one, which is no final answer", GO_ON + b"hello\r\n\r\n", request=OLD_KEPT),

    # 101
    passed_on("RFC 6455 4.2.2", "a WebSocket", switch(*UPGRADED, ACCEPT), switch(ACCEPT, *UPGRADED), request=SOCKET,
              reused=False, after=TUNNEL),
    passed_on("RFC 6455 4.2.2", "in other letters, and with fields",
              switch("upgrade: WebSocket", "X: y", "connection: keep-alive, UPGRADE", ACCEPT),
              switch("X: y", ACCEPT, *UPGRADED),
              request=SOCKET, reused=False, after=TUNNEL),
    passed_on("RFC 6455 4.2.2", "its first frame right behind it", switch(*UPGRADED, ACCEPT, body="\x81\x02hi"),
              switch(ACCEPT, *UPGRADED, body="\x81\x02hi"), request=SOCKET, reused=False, after=TUNNEL),
    passed_on("RFC 9110 15.2", "103 before it", HINTS + switch(*UPGRADED, ACCEPT), HINTS + switch(ACCEPT, *UPGRADED),
              request=SOCKET, reused=False, after=TUNNEL),
    passed_on("RFC 6455 4.2.2", "declined: 200", OK, request=SOCKET),
    passed_on("RFC 6455 4.4", "declined: 426, another version (0ang3el: some proxies open a tunnel anyway)",
              message("HTTP/1.1 426 Upgrade Required", "Sec-WebSocket-Version: 13", "Content-Length: 0"),
              request=SOCKET),
    passed_on("RFC 9110 7.8", "declined, though it names the protocol",
              message("HTTP/1.1 200 OK", *UPGRADED, "Content-Length: 5", body="hello"), OK, request=SOCKET),
    bad("RFC 9110 7.8", "101 that nobody has asked for: what the client sends next would pass unseen",
        switch(*UPGRADED, ACCEPT)),
    bad("RFC 9110 7.8", "101 to HEAD", switch(*UPGRADED, ACCEPT), request=HEAD),
    bad("RFC 9110 7.8", "101 to a POST that asks for it, which went on as a POST", switch(*UPGRADED, ACCEPT),
        request=message("POST / HTTP/1.1", "Host: a", *KEY, *UPGRADED, "Content-Length: 0")),
    bad("RFC 9110 7.8", "101 to HTTP/1.0", switch(*UPGRADED, ACCEPT),
        request=message("GET / HTTP/1.0", "Host: a", *KEY, "Connection: Upgrade, keep-alive", "Upgrade: websocket")),
    bad("RFC 9113 3.1", "101 to h2c, which did not go on", switch("Connection: Upgrade", "Upgrade: h2c"),
        request=get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAM")),
    bad("RFC 9110 7.8", "101 to another protocol than was asked for",
        switch("Connection: Upgrade", "Upgrade: h2c"), request=SOCKET),
    bad("RFC 9110 7.8", "101 without Upgrade", switch("Connection: Upgrade", ACCEPT), request=SOCKET),
    bad("RFC 9110 7.8", "101 without Connection", switch("Upgrade: websocket", ACCEPT), request=SOCKET),
    bad("RFC 9110 7.8", "101 to a list of protocols",
        switch("Connection: Upgrade", "Upgrade: websocket, h2c"), request=SOCKET),
    bad("RFC 9112 6.1", "101 with chunks", switch(*UPGRADED, ACCEPT, "Transfer-Encoding: chunked"), request=SOCKET),
    bad("RFC 9112 5.1", "101 with a malformed field", switch(*UPGRADED, "X : y"), request=SOCKET),
]
