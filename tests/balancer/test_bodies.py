"""Bodies end where the RFC says, however the bytes arrive."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.bodies import Chunked, Fixed, UntilClose, body_of
from balancer.http1 import CHUNKED, UNTIL_CLOSE, Refused


def fed(body: Chunked | Fixed | UntilClose, data: bytes, cuts: list[int]) -> tuple[bytes, bytes]:
    """(what goes on, what is left), of data that arrives in pieces."""
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    out = rest = b""
    for start, end in pairwise(places):
        if body.done:
            rest += data[start:end]
            continue
        part, after = body.feed(data[start:end])
        out += part
        rest += after
    return out, rest


cuts = st.lists(st.integers(min_value=0), max_size=12)
chunks = st.lists(st.binary(min_size=1, max_size=40), max_size=5)


@settings(max_examples=300, deadline=None)
@given(chunks, cuts, st.booleans(), st.sampled_from(["", ";a=b", ' ;x="y"']))
def test_chunked_in_any_pieces(contents: list[bytes], places: list[int], decode: bool, extension: str) -> None:
    sent = b"".join(f"{len(c):x}{extension}\r\n".encode() + c + b"\r\n" for c in contents)
    plain = b"".join(f"{len(c):x}\r\n".encode() + c + b"\r\n" for c in contents)
    body = Chunked(decode)
    out, rest = fed(body, sent + b"0\r\n\r\nGET /next", places)
    assert body.done
    assert out == (b"".join(contents) if decode else plain + b"0\r\n\r\n")
    assert rest == b"GET /next"


@given(st.binary(max_size=50), cuts)
def test_fixed_in_any_pieces(data: bytes, places: list[int]) -> None:
    body = Fixed(len(data) + 1)
    assert fed(body, data + b"xREST", places) == (data + b"x", b"REST")
    assert body.done


def test_safe_trailers_go_on_and_others_end_here() -> None:
    body = Chunked()
    sent = b"1\r\na\r\n0\r\nDigest: x\r\nContent-Length: 5\r\nHost: b\r\nX_Forwarded_For: 1\r\nX-Sum: 2\r\n\r\n"
    assert body.feed(sent) == (b"1\r\na\r\n0\r\nDigest: x\r\nX-Sum: 2\r\n\r\n", b"")


BAD = {
    "no number": b"x\r\n",
    "nothing": b"\r\n",
    "signed": b"+1\r\na\r\n",
    "negative": b"-1\r\na\r\n",
    "0x": b"0x1\r\na\r\n",
    "a space before": b" 1\r\na\r\n",
    "a space after": b"1 \r\na\r\n",
    "overflow": b"1" + b"0" * 16 + b"\r\n",
    "bare LF after the size": b"1\na\r\n",
    "bare CR in an extension": b"1;a\rb\r\na\r\n",
    "bare LF in an extension": b"1;a\nb\r\na\r\n",
    "NUL in an extension": b"1;\0\r\na\r\n",
    "an endless extension": b"1;" + b"a" * 5000,
    "more data than said": b"1\r\nab\r\n",
    "bare LF after the data": b"1\r\na\n",
    "a malformed trailer": b"0\r\nA : b\r\n\r\n",
    "a folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
    "a trailer with a bare LF": b"0\r\nA: b\n\r\n",
    "an endless trailer": b"0\r\nA: " + b"b" * 9000,
    "endless trailers": b"0\r\n" + b"A: b\r\n" * 2000,
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("step", [1, 100_000])
def test_refused(data: bytes, step: int) -> None:
    body = Chunked()
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    with pytest.raises(Refused):
        any(body.feed(piece) and body.done for piece in pieces)


def test_body_of() -> None:
    assert body_of(0) is None
    assert isinstance(body_of(3), Fixed)
    assert isinstance(body_of(CHUNKED), Chunked)
    assert isinstance(body_of(UNTIL_CLOSE), UntilClose)
