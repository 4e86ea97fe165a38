"""The short cut decides as the strict parser does: on generated heads, and on heads broken in one place."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.http1 import Refused, parse_request, parse_response
from balancer.quick import quick_request, quick_response

BROWSER = (
    b"GET /cart?x=1 HTTP/1.1\r\nHost: shop.test:8080\r\nConnection: keep-alive\r\nUser-Agent: Mozilla/5.0\r\n"
    b"Accept: */*\r\nReferer: http://shop.test/\r\nCookie: a=b; session_id=sess_1\r\nUpgrade-Insecure-Requests: 1\r\n"
    b"\r\n"
)
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\nContent-Type: text/plain\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

NAMES = """
Accept accept Content.Length Transfer~Encoding Proxy Host_ Keep_Alive Connection connection Content-Length
Content_Length Content-Type Cookie cookie Expect Forwarded Host host Keep-Alive Max-Forwards Proxy-Foo Session-Outcome
Session-Age Set-Cookie TE Te-X Trailer Transfer-Encoding transfer_encoding Upgrade Upgrade-Insecure-Requests
Date date DATE X-Date User-Agent X-Forwarded-For x_forwarded_for X-Forwarded-Else X-Real-IP X-Other Http2-Settings Via
"""
names = st.sampled_from(NAMES.split())
VALUES = """
keep-alive|close|Keep-Alive|5|0|05|+5|5, 5|chunked|Chunked|gzip, chunked|session_id=1|a=1; session_id=2 |websocket|x||
 x |\t|100-continue|hit|12 3|a.b:80|\xe4|trailers|upgrade
""".replace("\n", "")
values = st.sampled_from(VALUES.split("|"))
lines = st.lists(
    st.builds("{}{}{}".format, names, st.sampled_from([": ", ": ", ": ", ":", " : ", ":  "]), values), max_size=6
)


def same(quick: object, strict: object) -> None:
    assert dataclasses.asdict(quick) == dataclasses.asdict(strict)  # type: ignore[call-overload]


def check_request(raw: bytes) -> bool:
    """Whether the quick way said yes; if so, the strict one has said the same."""
    quick = quick_request(raw)
    if quick is not None:
        same(quick, parse_request(raw[: len(quick.raw)]))
    return quick is not None


def check_response(raw: bytes, method: bytes) -> bool:
    quick = quick_response(raw, method)
    if quick is not None:
        same(quick, parse_response(raw[: len(quick.raw)], method))
    return quick is not None


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_connection_before_a_field_that_is_watched(method: bytes) -> None:
    """Node sends its chunked answers so. The expression once lost its place there, and the request got no answer."""
    fields = b"Connection: keep-alive\r\n%bTransfer-Encoding: chunked\r\n\r\n"
    assert check_response(b"HTTP/1.1 200 OK\r\n" + fields % b"Keep-Alive: timeout=5\r\n", method)
    assert check_request(method + b" / HTTP/1.1\r\n" + fields % b"Host: a\r\n")


@pytest.mark.parametrize("raw", [BROWSER, POST, CHUNKED])
def test_what_browsers_send_is_plain(raw: bytes) -> None:
    assert check_request(raw)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "OPTIONS", "TRACE", "CONNECT"]), st.sampled_from(["/", "/a?b", "*", "/#"]), lines
)
def test_generated_requests(method: str, target: str, fields: list[str]) -> None:
    check_request("\r\n".join([f"{method} {target} HTTP/1.1", "Host: a", *fields, "", ""]).encode("latin-1"))


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["200 OK", "204 No Content", "304 x", "404 ", "500", "101 x"]),
    lines,
    st.sampled_from([b"GET", b"HEAD"]),
)
def test_generated_responses(status: str, fields: list[str], method: bytes) -> None:
    raw = "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode("latin-1")
    check_response(raw, method)


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from([BROWSER, POST, CHUNKED]),
    st.integers(min_value=0),
    st.sampled_from([b"", b" ", b"\r", b"\n", b"\r\n", b"\0", b":", b"\t", b"\xff", b",", b"\r\nHost: b", b"\r\n x"]),
    st.booleans(),
)
def test_requests_broken_in_one_place(raw: bytes, place: int, piece: bytes, instead: bool) -> None:
    at = place % len(raw)
    broken = raw[:at] + piece + raw[at + instead :]
    quick = quick_request(broken)
    if quick is not None:
        try:
            same(quick, parse_request(quick.raw))
        except Refused as refused:
            raise AssertionError(f"the quick way took what is refused: {refused}") from refused
