"""Lines of the access log: usual tools can read them, no client can forge one, and no session ID is in them."""

import json
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.http1 import Request
from balancer.telling.log_lines import FORMATS, Combined, Entry, JsonLines, Pseudonyms

# As in the manuals of tools that read this format (Apache's, nginx's, awk's and log shippers').
COMBINED = re.compile(
    r"^(?P<client>\S+) \S+ (?P<user>\S+) \[(?P<time>\d{2}/[A-Z][a-z]{2}/\d{4}(?::\d{2}){3} [+-]\d{4})\] "
    r'"(?:(?P<method>\S+) (?P<target>\S+) (?P<version>HTTP/\d\.\d)|-)" (?P<status>\d{3}) (?P<bytes>\d+) '
    r'"(?P<referer>[^"]*)" "(?P<agent>[^"]*)"$'
)
NAMES = Pseudonyms(b"key")
WHEN = 1_700_000_000.0625
ENTRY = Entry(WHEN, 200, 1234, 1.5, "a", "round_robin", False, "hit", None, 1, "gone")


def request(target: bytes = b"/", kept: bytes = b"", session: bytes | None = None, client: str = "::1") -> Request:
    return Request(raw=b"x", method=b"GET", target=target, host=b"h", kept=kept, session=session, client=client)


def logged(kind: type[JsonLines | Combined], what: Request, entry: Entry = ENTRY) -> str:
    lines = kind(NAMES)
    return lines.line(lines.head(what), entry)


def combined(what: Request, entry: Entry = ENTRY) -> dict[str, str | None]:
    line = logged(Combined, what, entry)
    assert line.endswith("\n")
    assert line.isascii()
    assert line[:-1].isprintable()
    match = COMBINED.match(line[:-1])
    assert match is not None, line
    return match.groupdict()


def test_a_line_of_json() -> None:
    line = logged(JsonLines, request(b"/cart?a=1", session=b"abc"))
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.062Z", "client": "::1", "method": "GET", "target": "/cart?a=1",
        "session": NAMES.of(b"abc"), "status": 200, "bytes": 1234, "ms": 1.5, "backend": "a", "policy": "round_robin",
        "own": False, "outcome": "hit", "issued": None, "retries": 1, "moved": "gone", "refused": None,
    }  # fmt: skip
    assert line.count("\n") == 1


def test_a_combined_line() -> None:
    head = b'GET / HTTP/1.1\r\nUser-agent:  curl/8 "x"\r\nX: Referer: no\r\nREFERER:http://shop/?a\r\n'
    assert combined(request(b"/cart?a=1", head, session=b"abc")) == {
        "client": "::1", "user": NAMES.of(b"abc"), "time": "14/Nov/2023:22:13:20 +0000", "method": "GET",
        "target": "/cart?a=1", "version": "HTTP/1.1", "status": "200", "bytes": "1234", "referer": "http://shop/?a",
        "agent": "curl/8 \\x22x\\x22",
    }  # fmt: skip


def test_what_was_no_request_has_a_line_too() -> None:
    nothing = Request(raw=b"", method=b"-", target=b"-", host=b"", kept=b"", client="1.2.3.4")
    entry = Entry(WHEN, 400, 99, refused='no "HTTP"/1.1')
    assert combined(nothing, entry)["method"] is None
    told = json.loads(logged(JsonLines, nothing, entry))
    assert (told["method"], told["target"], told["status"], told["ms"]) == ("-", "-", 400, None)
    assert told["refused"] == 'no "HTTP"/1.1'
    assert told.keys() == json.loads(logged(JsonLines, request())).keys()


TEXTS = st.binary(max_size=60) | st.text(st.sampled_from('"\\\x00\x1b[]{} \x85\u00e9\r\n,:'), max_size=20).map(
    lambda text: text.encode("latin-1")
)


@given(TEXTS, TEXTS, TEXTS)
def test_nobody_can_end_a_line_or_a_field_of_it(target: bytes, agent: bytes, client: bytes) -> None:
    """More than http1.py lets through: any bytes."""
    kept = b"\r\nuser-agent: " + agent.replace(b"\r", b"")
    line = logged(JsonLines, request(target, kept, client=client.decode("latin-1")))
    assert line.isascii()
    assert line.count("\n") == 1
    assert json.loads(line)["status"] == 200
    line = logged(Combined, request(target, kept))
    assert line.isascii()
    assert line[:-1].isprintable()
    assert line.count('"') == 6


# Sessions

ID = b"s3cr3t-ID_0"
IN_URLS = {
    "plain": b"/?session_id=" + ID,
    "between others": b"/?a=1&session_id=" + ID + b"&b=2",
    "in the path": b"/cart;session_id=" + ID + b";x",
    "another case": b"/?SESSION_ID=" + ID,
    "another name's end": b"/?my_session_id=" + ID,
    "an encoded letter": b"/?%73ession%5fid=" + ID,
    "encoded capitals": b"/?%53ESSION%5Fid=" + ID,
    "an encoded value": b"/?session_id=" + b"".join(b"%%%02x" % byte for byte in ID),
    "a value with an encoded end": b"/?session_id=x%26" + ID,
    "inside of another URL": b"/login?next=" + quote(b"/cart?session_id=" + ID + b"&x=1", safe="").encode() + b"&y=2",
    "inside of that": b"/a?b=" + quote(quote(b"/cart?session_id=" + ID + b"&x=1", safe=""), safe="").encode() + b"&y=2",
    "twice": b"/?session_id=" + ID + b"&session_id=" + ID,
    "in a list": b"/?session_id[]=" + ID + b"&b=2",
    "in an encoded list": b"/?session_id%5B%5d=" + ID,
    "in a table": b"/?a=1&session_id[a][%62]=" + ID,
    "in a list in another URL": b"/login?next=" + quote(b"/?session_id[]=" + ID + b"&x=1", safe="").encode() + b"&y=2",
    "in quotes": b"/?session_id=%22" + ID + b"%22",
}  # fmt: skip


@pytest.mark.parametrize("url", IN_URLS.values(), ids=IN_URLS.keys())
def test_no_session_id_is_in_a_line(url: bytes) -> None:
    what = request(url, b"\r\nReferer: http://shop" + url + b"\r\nUser-Agent: session_id=" + ID + b"\r\n", session=ID)
    encoded = "".join(f"%{byte:02x}" for byte in ID)
    for kind in FORMATS.values():
        line = logged(kind, what)
        assert ID.decode() not in line
        assert encoded not in line.lower()
        assert "~" in line


def test_the_same_session_has_the_same_name_wherever_it_is() -> None:
    name = NAMES.of(ID)
    assert re.fullmatch("[0-9a-f]{16}", name)
    for where in (
        "plain",
        "between others",
        "an encoded value",
        "inside of another URL",
        "inside of that",
        "in quotes",
        "in a list",
        "in an encoded list",
        "in a table",
        "in a list in another URL",
    ):
        assert b"~" + name.encode() in NAMES.masked(IN_URLS[where]), where
    assert NAMES.masked(IN_URLS["inside of another URL"]).endswith(b"%26x%3D1&y=2")
    assert NAMES.of(b' "' + ID + b'"') == name
    assert NAMES.of(ID + b"x") != name


def test_the_name_hangs_on_the_key() -> None:
    assert Pseudonyms(b"key").of(ID) == NAMES.of(ID) != Pseudonyms(b"other").of(ID)
    assert Pseudonyms(b"k" * 1000).of(ID) != Pseudonyms(b"k" * 999).of(ID)


@pytest.mark.parametrize(
    "url",
    [
        b"/",
        b"/?session=1",
        b"/?id=%41",
        b"/session_ids/",
        b"/?a=%",
        b"/%%%25%2",
        b"/?session_id",
        b"/?session_id[]&a=b",
    ],
)
def test_other_urls_stay_as_they_are(url: bytes) -> None:
    assert NAMES.masked(url) == url
