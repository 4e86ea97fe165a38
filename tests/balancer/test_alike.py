"""What differs from an earlier head in plain fields only is read as the first short cut, and the strict parser, would
read it: on heads made of lines that come and go, and on such heads broken in one place."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.alike import Alike
from balancer.heads import Heads, SharedHeads
from balancer.http1 import MAX_HEAD, Request, parse_request
from balancer.quick import quick_request

OURS = b"Via: 1.1 session-lab\r\n"
FIXED = """
Host: shop.test|Connection: keep-alive|User-Agent: Mozilla/5.0|Accept: */*|Cookie: a=b; session_id=sess_1
"""
CHANGING = """
Referer: http://shop.test/1|Referer: http://shop.test/2|Sec-Fetch-Mode: navigate|Sec-Fetch-Mode: cors|DNT: 1|
Content-Type: a/b|Host: other.test|Cookie: c=d|Cookie: session_id=two|Connection: close|Connection: keep-alive|
Content-Length: 0|Content-Length: 5|Transfer-Encoding: chunked|X-Forwarded-For: 1.2.3.4|Upgrade: websocket|TE: trailers|
Expect: 100-continue|Keep-Alive: timeout=5|Via: 1.0 x| folded|No colon|Bad name: x
"""


def lines_of(text: str) -> list[str]:
    return [line.strip("\n") for line in text.replace("\n", "").split("|")]


lines = st.lists(st.sampled_from(lines_of(CHANGING)), max_size=3)
STARTS = """
GET / HTTP/1.1|GET /cart?x=1 HTTP/1.1|HEAD / HTTP/1.1|POST / HTTP/1.1|TRACE / HTTP/1.1|OPTIONS * HTTP/1.1|
GET /# HTTP/1.1|GET / HTTP/1.0
"""
starts = st.sampled_from(lines_of(STARTS))


def head(start: str, between: list[str], place: int) -> bytes:
    fixed = lines_of(FIXED)
    return "\r\n".join([start, *fixed[:place], *between, *fixed[place:], "", ""]).encode()


def plain(data: bytes) -> Request | None:
    """As quick.py reads it, if it is no more than this head."""
    request = quick_request(data)
    return request if request is not None and request.raw == data else None


def check(alike: Alike, data: bytes) -> bool:
    """Whether the short cut said yes; if so, the long way has said the same."""
    found = alike.request(data)
    if found is None:
        return False
    proven = plain(data)
    assert proven is not None
    proven.wire = proven.kept + OURS + b"X-Forwarded-Host: " + proven.host + b"\r\n\r\n"
    assert dataclasses.asdict(found) == dataclasses.asdict(proven)
    assert parse_request(data).session == found.session
    return True


@settings(max_examples=600, deadline=None)
@given(
    starts,
    lines,
    lines,
    st.lists(st.tuples(starts, lines), min_size=1, max_size=4),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_heads_made_of_lines_that_come_and_go(
    start: str, one: list[str], other: list[str], more: list[tuple[str, list[str]]], place: int, elsewhere: int
) -> None:
    old, new = plain(head("GET / HTTP/1.1", one, place)), plain(head(start, other, place))
    if old is None or new is None or (alike := Alike.of(old, new, OURS)) is None:
        return
    for next_start, between in more:
        check(alike, head(next_start, between, place))
        check(alike, head(next_start, between, elsewhere))


CLICKS = [head(f"GET /item/{n} HTTP/1.1", [f"Referer: http://shop.test/item/{n - 1}"], 3) for n in range(3)]


@settings(max_examples=600, deadline=None)
@given(
    st.integers(min_value=0),
    st.sampled_from(
        [b"", b" ", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b":", b"\t", b"\xff", b"\r\nHost: b", b"\r\n x"]
    ),
    st.booleans(),
)
def test_clicks_broken_in_one_place(place: int, piece: bytes, instead: bool) -> None:
    old, new = plain(CLICKS[0]), plain(CLICKS[1])
    assert old is not None
    assert new is not None
    alike = Alike.of(old, new, OURS)
    assert alike is not None
    at = place % len(CLICKS[2])
    check(alike, CLICKS[2][:at] + piece + CLICKS[2][at + instead :])


def test_a_browsers_next_click_takes_the_short_cut() -> None:
    old, new = plain(CLICKS[0]), plain(CLICKS[1])
    assert old is not None
    assert new is not None
    alike = Alike.of(old, new, OURS)
    assert alike is not None
    assert check(alike, CLICKS[2])
    assert check(alike, head("GET /only-the-target HTTP/1.1", ["Referer: x"], 3))
    assert check(alike, head("GET / HTTP/1.1", [], 3))
    assert check(alike, head("HEAD / HTTP/1.1", ["Referer: x", "Sec-Fetch-Mode: cors"], 3))
    assert not check(alike, head("GET / HTTP/1.1", ["A: b"] * 10, 3))
    assert not check(alike, head("GET / HTTP/1.1", ["A: " + "b" * MAX_HEAD], 3))
    assert not check(alike, CLICKS[2] + CLICKS[2])


@pytest.mark.parametrize(
    "between", ["Cookie: session_id=other", "Host: other.test", "Content-Length: 3", "Connection: close"]
)
def test_what_a_proxy_heeds_is_never_taken_from_an_earlier_head(between: str) -> None:
    without = [line for line in lines_of(FIXED) if not line.startswith(between.partition(":")[0])]
    heads = [
        "\r\n".join(["GET / HTTP/1.1", *without, text, "", ""]).encode() for text in (between, between + "0", "A: b")
    ]
    for old in heads:
        for new in heads:
            one, other = plain(old), plain(new)
            alike = Alike.of(one, other, OURS) if one is not None and other is not None else None
            for data in heads:
                if alike is not None:
                    check(alike, data)


def test_a_connection_learns_it_and_forgets_what_holds_no_more() -> None:
    heads = Heads("127.0.0.1", "http", (), SharedHeads())
    for number in range(30):
        data = head(f"GET /{number} HTTP/1.1", [f"Referer: http://shop.test/{number}"], number // 10)
        request = heads.plain(data)
        assert request is not None
        assert request.target == f"/{number}".encode()
        fresh = Heads("127.0.0.1", "http", (), SharedHeads()).plain(data)
        assert dataclasses.asdict(request) == dataclasses.asdict(fresh)  # type: ignore[call-overload]
