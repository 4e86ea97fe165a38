"""Heads, in a table: what is refused, with which status, and what is made of the rest."""

import pytest

from balancer.http1 import CHUNKED, UNTIL_CLOSE, Refused, parse_request, parse_response


def head(*lines: str, start: str = "GET / HTTP/1.1", host: str | None = "Host: a") -> bytes:
    return "\r\n".join([start, *([host] if host else []), *lines, "", ""]).encode("latin-1")


REFUSED = {
    # RFC 9112 section 3: the request line
    "no version": (400, head(start="GET /")),
    "lower-case http": (400, head(start="GET / http/1.1")),
    "two spaces": (400, head(start="GET  / HTTP/1.1")),
    "a tab for a space": (400, head(start="GET\t/ HTTP/1.1")),
    "a space in the target": (400, head(start="GET /a b HTTP/1.1")),
    "a space at the end": (400, head(start="GET / HTTP/1.1 ")),
    "a control byte in the target": (400, head(start="GET /\x01 HTTP/1.1")),
    "a byte above ASCII in the target": (400, head(start="GET /\xe4 HTTP/1.1")),
    "a fragment": (400, head(start="GET /#top HTTP/1.1")),
    "a method that is no token": (400, head(start="G(T / HTTP/1.1")),
    "an overlong method": (501, head(start="G" * 33 + " / HTTP/1.1")),
    "a relative target": (400, head(start="GET index.html HTTP/1.1")),
    "a star for GET": (400, head(start="GET * HTTP/1.1")),
    "authority-form": (400, head(start="GET a:80 HTTP/1.1")),
    "CONNECT": (405, head(start="CONNECT a:443 HTTP/1.1")),
    "TRACE": (405, head(start="TRACE / HTTP/1.1")),
    "HTTP/2": (505, b"PRI * HTTP/2.0\r\n\r\n"),
    "HTTP/1.2": (505, head(start="GET / HTTP/1.2")),
    "HTTP/11": (400, head(start="GET / HTTP/11")),
    "ftp": (400, head(start="GET ftp://a/ HTTP/1.1")),
    "userinfo in the target": (400, head(start="GET http://u@a/ HTTP/1.1")),
    "target and Host disagree": (400, head(start="GET http://b/ HTTP/1.1")),
    # RFC 9112 section 3.2: Host
    "no Host": (400, head(host=None)),
    "two Hosts": (400, head("Host: a")),
    "two Hosts, one in disguise": (400, head("HOST: b")),
    "an empty Host": (400, head(host="Host:")),
    "a list of Hosts": (400, head(host="Host: a, b")),
    "userinfo in Host": (400, head(host="Host: u@a")),
    "a path in Host": (400, head(host="Host: a/b")),
    "a port that is none": (400, head(host="Host: a:b")),
    # RFC 9112 section 5: field lines
    "a space before the colon": (400, head("A : b")),
    "a space before the name": (400, head(" A: b")),
    "no colon": (400, head("A")),
    "no name": (400, head(": b")),
    "folded": (400, head("A: b", " c")),
    "folded by a tab": (400, head("A: b", "\tc")),
    "NUL in a value": (400, head("A: b\0c")),
    "a bare CR in a value": (400, head("A: b\rc")),
    "a bare LF in a value": (400, head("A: b\nc: d")),
    "DEL in a value": (400, head("A: \x7f")),
    "a name above ASCII": (400, head("\xc4: b")),
    "too many fields": (431, head(*(f"A{n}: b" for n in range(101)))),
    # RFC 9112 section 6: framing
    "both framings": (400, head("Content-Length: 1", "Transfer-Encoding: chunked")),
    "both framings, turned round": (400, head("Transfer-Encoding: chunked", "Content-Length: 1")),
    "two lengths": (400, head("Content-Length: 1", "Content-Length: 2")),
    "the same length twice": (400, head("Content-Length: 1", "Content-Length: 1")),
    "a list of lengths": (400, head("Content-Length: 1, 1")),
    "a signed length": (400, head("Content-Length: +1")),
    "a negative length": (400, head("Content-Length: -1")),
    "a hexadecimal length": (400, head("Content-Length: 0x1")),
    "a length with a blank": (400, head("Content-Length: 1 1")),
    "a length with an underscore": (400, head("Content-Length: 1_1")),
    "an empty length": (400, head("Content-Length:")),
    "an enormous length": (400, head("Content-Length: 1" + "0" * 20)),
    "a length in other digits": (400, head("Content-Length: \xb2")),
    "a length in disguise": (400, head("Content_Length: 1")),
    "chunked in HTTP/1.0": (400, head("Transfer-Encoding: chunked", start="POST / HTTP/1.0")),
    "chunked twice": (400, head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")),
    "chunked, chunked": (400, head("Transfer-Encoding: chunked, chunked")),
    "chunked not last": (400, head("Transfer-Encoding: chunked, identity")),
    "identity": (400, head("Transfer-Encoding: identity")),
    "quoted chunked": (400, head('Transfer-Encoding: "chunked"')),
    "xchunked": (400, head("Transfer-Encoding: xchunked")),
    "chunked with a vertical tab": (400, head("Transfer-Encoding: \x0bchunked")),
    "an empty transfer coding": (400, head("Transfer-Encoding:")),
    "gzip, chunked": (501, head("Transfer-Encoding: gzip, chunked")),
    "a transfer coding in disguise": (400, head("Transfer_Encoding: chunked")),
    # RFC 9110
    "Connection takes Host away": (400, head("Connection: host")),
    "Connection takes Content-Length away": (400, head("Content-Length: 1", "Connection: content-length")),
    "an expectation nobody knows": (417, head("Expect: a miracle")),
    "two expectations": (400, head("Expect: 100-continue", "Expect: 100-continue")),
}


@pytest.mark.parametrize(("status", "raw"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_requests(status: int, raw: bytes) -> None:
    with pytest.raises(Refused) as refused:
        parse_request(raw)
    assert refused.value.status == status, refused.value


KEPT = {
    # what came -> what goes on; the start line and Host as above
    "ordinary fields": (["Accept: */*", "X-Any: \xe4 b"], ["Accept: */*", "X-Any: \xe4 b"]),
    "hop-by-hop fields": (
        ["Connection: close, X-Hop", "X-Hop: 1", "Keep-Alive: 5", "Proxy-Connection: x", "TE: trailers", "Accept: a"],
        ["Accept: a"],
    ),
    "forged origins": (
        ["X-Forwarded-For: 1", "x-forwarded-proto: https", "X-Forwarded-Host: b", "Forwarded: for=1", "X-Real-IP: 1"],
        [],
    ),
    "forged origins in disguise": (["X_Forwarded_For: 1", "X-Forwarded_Proto: https"], []),
    "all of their family": (["X-Forwarded-Prefix: /a", "x_forwarded.User: me", "X-Forwarded-: x"], []),
    "names that only begin like it": (["X-Forwarded: 1", "X-Forward: 1"], ["X-Forwarded: 1", "X-Forward: 1"]),
    "an upgrade to h2c": (["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAM"], []),
    "several cookies": (["Cookie: a=1", "Cookie: b=2"], ["Cookie: a=1; b=2"]),
    "a proxy before us": (["Via: 1.1 other"], ["Via: 1.1 other"]),
    "the framing": (["Content-Length: 12"], ["Content-Length: 12"]),
    "chunked": (["Transfer-Encoding:\tChunked"], ["Transfer-Encoding: chunked"]),
}


@pytest.mark.parametrize(("sent", "kept"), KEPT.values(), ids=KEPT.keys())
def test_fields_that_go_on(sent: list[str], kept: list[str]) -> None:
    assert parse_request(head(*sent)).kept == head(*kept)[:-2]


def test_what_a_request_says() -> None:
    request = parse_request(
        head(
            "Cookie: a=1; session_id=sess_x",
            "Cookie: b=2",
            "Expect: 100-continue",
            "Content-Length: 7",
            start="PUT /p?q HTTP/1.1",
        )
    )
    assert (request.method, request.target, request.host, request.length) == (b"PUT", b"/p?q", b"a", 7)
    assert (request.session, request.cookie) == (b"sess_x", b"a=1; session_id=sess_x; b=2")
    assert request.replayable
    assert not parse_request(head(start="POST / HTTP/1.1")).replayable
    assert parse_request(head("Transfer-Encoding: chunked")).length == CHUNKED


@pytest.mark.parametrize("cookie", ["xsession_id=1", "a=session_id=1", "session_id", "session_id=", "SESSION_ID=1"])
def test_cookies_that_are_no_session(cookie: str) -> None:
    assert parse_request(head(f"Cookie: {cookie}")).session is None


@pytest.mark.parametrize(
    ("start", "lines", "expected"),
    [
        ("GET / HTTP/1.1", [], True),
        ("GET / HTTP/1.1", ["Connection: close"], False),
        ("GET / HTTP/1.1", ["Connection: keep-alive, Close"], False),
        ("GET / HTTP/1.0", [], False),
        ("GET / HTTP/1.0", ["Connection: Keep-Alive"], True),
    ],
)
def test_persistence(start: str, lines: list[str], expected: bool) -> None:
    assert parse_request(head(*lines, start=start)).keep_alive is expected


def test_absolute_form_becomes_origin_form() -> None:
    request = parse_request(head(start="GET http://A/x?y HTTP/1.1"))
    assert request.kept == b"GET /x?y HTTP/1.1\r\nHost: a\r\n"
    assert parse_request(head(start="GET http://a?y HTTP/1.1")).target == b"/?y"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Connection: Upgrade", "Upgrade: websocket"], True),
        (["Upgrade: websocket"], False),
        (["Connection: Upgrade", "Upgrade: h2c"], False),
        (["Connection: Upgrade", "Upgrade: websocket", "Content-Length: 3"], False),
    ],
)
def test_only_websockets_are_upgrades(lines: list[str], expected: bool) -> None:
    assert parse_request(head(*lines)).websocket is expected


BAD_RESPONSES = {
    "no HTTP": b"hello\r\n\r\n",
    "HTTP/2": b"HTTP/2 200 OK\r\n\r\n",
    "four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a status of 600": b"HTTP/1.1 600 No\r\n\r\n",
    "a folded field": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
    "a bare LF": b"HTTP/1.1 200 OK\nA: b\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a bad length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "both framings": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "an unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunked 204": b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a space before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n",
}


@pytest.mark.parametrize("raw", BAD_RESPONSES.values(), ids=BAD_RESPONSES.keys())
def test_refused_responses(raw: bytes) -> None:
    with pytest.raises(Refused) as refused:
        parse_response(raw, b"GET")
    assert refused.value.status == 502


@pytest.mark.parametrize(
    ("raw", "method", "length"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"GET", 5),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"HEAD", 0),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"GET", 0),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"GET", 0),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", b"GET", 0),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"GET", CHUNKED),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"GET", UNTIL_CLOSE),
        (b"HTTP/1.1 200\r\n\r\n", b"GET", UNTIL_CLOSE),
    ],
)
def test_length_of_responses(raw: bytes, method: bytes, length: int) -> None:
    assert parse_response(raw, method).length == length


def test_set_cookie_is_never_folded_and_session_fields_can_be_stripped() -> None:
    raw = b"HTTP/1.0 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nSession-Outcome: hit\r\nServed-By: s\r\n\r\n"
    cookies = b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
    assert parse_response(raw, b"GET").kept == b"HTTP/1.1 " + raw[9:-2]
    stripped = parse_response(raw, b"GET", strip=True)
    assert stripped.kept == b"HTTP/1.1 200 OK\r\n" + cookies
    assert stripped.outcome == "hit"
