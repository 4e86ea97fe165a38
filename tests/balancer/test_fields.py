"""Header fields on the wire: what goes on, what ends here, and what only the balancer may say."""

import pytest

from tests.balancer.conftest import Start
from tests.balancer.rig import DATE, Rig, Server, get, ok


async def test_the_backend_learns_whose_request_it_is(rig: Rig) -> None:
    await rig.ask(get("/x?y=1", "Accept: */*", host="shop.test:8080"))
    (heard,) = rig.servers["a"].heard
    assert heard.start == "GET /x?y=1 HTTP/1.1"
    assert heard["host"] == "shop.test:8080"
    assert heard["accept"] == "*/*"
    assert heard["x-forwarded-for"] == "127.0.0.1"
    assert heard["x-forwarded-proto"] == "http"
    assert heard["x-forwarded-host"] == "shop.test:8080"
    assert heard["via"] == "1.1 session-lab"


@pytest.mark.parametrize(
    "forged",
    [
        "X-Forwarded-For: 10.0.0.1",
        "x-forwarded-for: 10.0.0.1",
        "X_Forwarded_For: 10.0.0.1",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.test",
        "X-Real-IP: 10.0.0.1",
        "Forwarded: for=10.0.0.1",
    ],
)
async def test_forged_origins_are_dropped(rig: Rig, forged: str) -> None:
    await rig.ask(get("/", forged, "Accept: */*", forged))
    (heard,) = rig.servers["a"].heard
    value = forged.partition(": ")[2].encode()
    assert value not in heard.raw
    assert heard["x-forwarded-for"] == "127.0.0.1"
    assert heard["x-forwarded-proto"] == "http"
    assert heard["x-forwarded-host"] == "shop.test"


async def test_via_keeps_those_before_us_in_order(rig: Rig) -> None:
    await rig.ask(get("/", "Via: 1.0 first, 1.1 second"))
    (heard,) = rig.servers["a"].heard
    assert heard.all("via") == ["1.0 first, 1.1 second", "1.1 session-lab"]


async def test_via_names_the_clients_version(rig: Rig) -> None:
    """RFC 9110 section 7.6.3: the version that was received."""
    await rig.ask(get("/", version="1.0"))
    (heard,) = rig.servers["a"].heard
    assert heard["via"] == "1.0 session-lab"


async def test_hop_by_hop_fields_of_requests_end_here(rig: Rig) -> None:
    lines = [
        "Connection: keep-alive, X-Mine",
        "X-Mine: secret",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic eA==",
        "TE: trailers",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        "X-Yours: stays",
    ]
    await rig.ask(get("/", *lines))
    (heard,) = rig.servers["a"].heard
    names = {name.lower() for name, _ in heard.fields}
    assert names == {"host", "x-yours", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "via"}


async def test_hop_by_hop_fields_of_answers_end_here(rig: Rig) -> None:
    rig.servers["a"].reply = lambda message: ok(
        b"ok",
        "Connection: X-Mine, keep-alive",
        "X-Mine: secret",
        "Keep-Alive: timeout=5",
        "Proxy-Authenticate: Basic",
        "Upgrade: h2c",
        "X-Yours: stays",
    )
    answer = await rig.ask()
    assert {name.lower() for name, _ in answer.fields} == {"x-yours", "content-length", "date"}
    assert answer.body == b"ok"


@pytest.mark.parametrize("name", ["Host", "Content-Length", "Cookie", "Authorization"])
async def test_connection_cannot_take_away_what_the_backend_relies_on(rig: Rig, name: str) -> None:
    answer = await rig.ask(get("/", f"Connection: {name}", "Cookie: a=b", "Authorization: x", "Content-Length: 0"))
    assert answer.status == 400
    assert rig.servers["a"].heard == []


async def test_set_cookie_is_never_folded(rig: Rig) -> None:
    cookies = ["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2", "a=3"]
    rig.servers["a"].reply = lambda message: ok(b"", *(f"Set-Cookie: {cookie}" for cookie in cookies))
    answer = await rig.ask()
    assert answer.all("set-cookie") == cookies


async def test_the_policys_cookie_is_a_line_of_its_own(start: Start) -> None:
    server = Server()
    server.reply = lambda message: ok(b"", "Set-Cookie: session_id=x; Path=/", "Set-Cookie: theme=dark")
    rig = await start(server, policy="sticky_cookie")
    answer = await rig.ask()
    assert answer.all("set-cookie")[:2] == ["session_id=x; Path=/", "theme=dark"]
    assert len(answer.all("set-cookie")) == 3


async def test_repeated_fields_stay_apart_and_in_order(rig: Rig) -> None:
    rig.servers["a"].reply = lambda message: ok(b"", "X-A: 1", "Vary: a", "X-A: 2", "Vary: b")
    answer = await rig.ask(get("/", "X-B: 1", "Cookie: a=1", "X-B: 2", "Cookie: b=2"))
    (heard,) = rig.servers["a"].heard
    assert heard.all("x-b") == ["1", "2"]
    assert heard.all("cookie") == ["a=1; b=2"]  # some servers would read only the first of two (RFC 6265 section 5.4)
    assert answer.all("x-a") == ["1", "2"]
    assert answer.all("vary") == ["a", "b"]


async def test_bytes_beyond_ascii_go_on_as_they_are(rig: Rig) -> None:
    rig.servers["a"].reply = lambda message: ok(b"", "X-Name: J\xf6rg \xc3\xa9")
    answer = await rig.ask(get("/%C3%A9", "X-Name: \xf6\t\xff"))
    assert rig.servers["a"].heard[0]["x-name"] == "\xf6\t\xff"
    assert answer["x-name"] == "J\xf6rg \xc3\xa9"


async def test_the_reason_phrase_goes_on(rig: Rig) -> None:
    rig.servers["a"].reply = lambda message: ok(status="299 Quite Fine, Thanks")
    assert (await rig.ask()).raw.startswith(b"HTTP/1.1 299 Quite Fine, Thanks\r\n")


async def test_an_absolute_target_becomes_a_path_and_its_host(rig: Rig) -> None:
    await rig.ask(b"GET http://shop.test/a?b HTTP/1.1\r\nHost: SHOP.test\r\n\r\n")
    await rig.ask(b"GET http://shop.test HTTP/1.1\r\nHost: shop.test\r\n\r\n")
    first, second = rig.servers["a"].heard
    assert first.start == "GET /a?b HTTP/1.1"
    assert len(first.all("host")) == 1
    assert second.start == "GET / HTTP/1.1"


async def test_session_fields_reach_clients_unless_told_otherwise(start: Start) -> None:
    ours = ["Served-By: server-1", "Session-Outcome: hit", "Session-Age: 5 1"]
    ours += ["SESSION-ID: sess_1", "Session-Anything: x", "Session_Id: sess_1", "Session-: x"]
    lines = [*ours, "X-Other: stays", "Sessions: stay", "X-Session-Id: stays"]
    early = b"HTTP/1.1 103 Early Hints\r\nSession-Id: sess_1\r\nLink: </a>\r\n\r\n"
    for strip in (False, True):
        server = Server()
        server.reply = lambda message: early + ok(b"", *lines)
        rig = await start(server, strip_session_headers=strip)
        for _ in range(2):
            line = await rig.connect()
            line.send(get())
            hints, answer = await line.until(b"\r\n\r\n"), await line.answer()
            assert (b"Session-Id" in hints) is not strip
            assert b"Link: </a>\r\n" in hints
            for name in (each.partition(":")[0].lower() for each in ours):
                assert (name in answer) is not strip, name
            assert (answer["x-other"], answer["sessions"], answer["x-session-id"]) == ("stays", "stay", "stays")
        assert rig.totals()["outcomes"] == {"hit": 2}


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (["Served-By, Session-Outcome"], []),
        (["session_outcome"], []),
        (["Digest, SERVED-BY , X-Session-A", "Session-Age,Content-Digest"], ["Digest, X-Session-A", "Content-Digest"]),
        (["Digest"], ["Digest"]),
    ],
)
async def test_what_is_stripped_is_not_announced_as_a_trailer(start: Start, said: list[str], left: list[str]) -> None:
    for strip in (False, True):
        server = Server()
        head = ["HTTP/1.1 200 OK", DATE, *(f"Trailer: {each}" for each in said), "Transfer-Encoding: chunked", "", ""]
        server.reply = lambda message, head=head: "\r\n".join(head).encode() + b"2\r\nhi\r\n0\r\nServed-By: a\r\n\r\n"
        rig = await start(server, strip_session_headers=strip)
        line = await rig.connect()
        for _ in range(2):
            answer = await line.ask(get())
            assert (answer.body, answer.all("trailer")) == (b"hi", left if strip else said)


async def test_one_request_remembered_is_not_the_next_one(rig: Rig) -> None:
    """Heads are compared as a whole before what was proven of one is used for another."""
    line = await rig.connect()
    heads = [get("/a"), get("/a"), get("/b"), get("/a", "X-B: 1"), get("/a")]
    for head in heads:
        assert (await line.ask(head)).status == 200
    starts = [(message.start, "x-b" in message) for message in rig.servers["a"].heard]
    a = "GET /a HTTP/1.1"
    assert starts == [(a, False), (a, False), ("GET /b HTTP/1.1", False), (a, True), (a, False)]
