"""The shop as a program and as a person sees it."""

import asyncio
from html.parser import HTMLParser
from pathlib import Path

import pytest

from servers.answer import LARGEST_BODY, wants_json
from servers.app import local_path
from servers.members import MEMBERS
from servers.sessions import create_id

from .conftest import HTML, Browser, Open

MEMBER_PAGES = ["/cart", "/checkout", "/orders", "/account"]
COMMON = {"served_by", "wristband", "logbook", "user", "message"}


@pytest.mark.parametrize("path", ["/", "/login", "/whoami", "/nowhere", *MEMBER_PAGES])
async def test_every_json_answer_says_who_answered_and_what_the_logbook_says(browser: Browser, path: str) -> None:
    for _ in range(2):  # as a stranger, then as a member
        answer = await browser.get(path)
        assert answer.page.keys() >= COMMON
        assert answer.page["served_by"] == answer.headers["Served-By"] == "server-1"
        assert answer.page["logbook"] == answer.outcome
        await browser.log_in()


@pytest.mark.parametrize("path", ["/", "/login", "/whoami", "/nowhere", *MEMBER_PAGES])
async def test_every_page_is_html_with_the_strip(browser: Browser, path: str) -> None:
    await browser.log_in()
    await browser.post("/cart", {"item": "rope"})
    browser.accept = HTML
    answer = await browser.get(path)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    text = visible(answer.text)
    assert "server-1" in text
    assert browser.cookie is not None
    assert browser.cookie[:9] in text
    assert browser.cookie not in answer.text
    assert answer.headers["Vary"] == "Accept, Cookie"
    assert answer.headers["Cache-Control"] == "no-store"


class Visible(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def handle_data(self, data: str) -> None:
        self.text += data


def visible(html: str) -> str:
    parser = Visible()
    parser.feed(html)
    return parser.text


async def test_shopping(browser: Browser) -> None:
    [rope] = [item for item in (await browser.get("/")).page["items"] if item["id"] == "rope"]
    await browser.log_in()
    await browser.post("/cart", {"item": "rope", "quantity": "2"})
    answer = await browser.ask("POST", "/cart", json={"item": "rope", "quantity": 1})
    line = {"item": "rope", "name": rope["name"], "quantity": 3, "price": rope["price"]}
    assert (answer.page["cart"], answer.page["total"]) == ([line], 3 * rope["price"])
    checkout = (await browser.get("/checkout")).page
    ravi = MEMBERS["ravi"]
    assert (checkout["cart"], checkout["address"], checkout["payment"]) == ([line], ravi.address, ravi.payment)
    order = (await browser.post("/checkout")).page["order"]
    assert (order["items"], order["total"]) == ([line], 3 * rope["price"])
    assert (await browser.get("/orders")).page["orders"] == [order]
    assert (await browser.get("/cart")).page["cart"] == []
    assert (await browser.post("/checkout")).status == 409


async def test_a_checkout_sent_twice_is_one_order(browser: Browser) -> None:
    await browser.log_in()
    await browser.post("/cart", {"item": "rope"})
    answers = await asyncio.gather(*(browser.post("/checkout") for _ in range(5)))
    ids = {answer.page["order"]["id"] for answer in answers if answer.status == 200}
    assert len(ids) == 1
    assert len((await browser.get("/orders")).page["orders"]) == 1


async def test_orders_are_shared_by_the_servers_of_a_shop(open_shop: Open, tmp_path: Path) -> None:
    one, two = [await open_shop(shop=str(tmp_path / "shop.db")) for _ in range(2)]
    for browser in (one, two):
        await browser.log_in()
        await browser.post("/cart", {"item": "rope"})
        await browser.post("/checkout")
    assert len((await one.get("/orders")).page["orders"]) == 2
    await one.log_in("user01")
    assert (await one.get("/orders")).page["orders"] == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"item": "unicorn"}, 400),
        ({}, 400),
        *[({"item": "rope", "quantity": q}, 400) for q in ("0", "100", "-1", "1.5", "many", "", "１")],
        ({"item": "rope", "quantity": "99"}, 200),
    ],
)
async def test_what_can_be_put_into_a_cart(browser: Browser, fields: dict[str, str], status: int) -> None:
    await browser.log_in()
    assert (await browser.post("/cart", fields)).status == status


async def test_a_cart_is_limited(browser: Browser) -> None:
    await browser.log_in()
    for _ in range(2):
        answer = await browser.post("/cart", {"item": "rope", "quantity": "99"})
    assert answer.page["cart"][0]["quantity"] == 99


@pytest.mark.parametrize("path", MEMBER_PAGES)
async def test_a_stranger_is_asked_to_log_in(browser: Browser, path: str) -> None:
    answer = await browser.get(path)
    assert (answer.status, answer.page["message"]) == (401, "please log in")
    assert "WWW-Authenticate" in answer.headers
    browser.cookie = create_id()
    answer = await browser.get(path + "?a=b")
    assert (answer.status, answer.page["message"]) == (401, "we do not know your wristband")
    assert answer.page["login"] == f"/login?next=%2F{path[1:]}%3Fa%3Db&why=unknown"


@pytest.mark.parametrize("on_unknown", ["keep", "clear", "replace"])
async def test_a_person_logged_out_comes_back_to_where_they_were(open_shop: Open, on_unknown: str) -> None:
    browser = await open_shop(on_unknown=on_unknown)
    browser.accept, browser.cookie = HTML, create_id()
    answer = await browser.get("/orders")
    assert answer.status == 303
    answer = await browser.get(answer.headers["Location"])
    assert "we do not know your wristband" in visible(answer.text).lower()
    assert 'value="/orders"' in answer.text
    answer = await browser.log_in(next="/orders")
    assert (answer.status, answer.headers["Location"]) == (303, "/orders")
    assert (await browser.get("/orders")).status == 200


async def test_wrong_password_and_wrong_name_look_the_same(browser: Browser) -> None:
    answers = [
        await browser.post("/login", {"username": name, "password": "wristband-user01", "next": "/cart"})
        for name in ("ravi", "nobody", "")
    ]
    assert {answer.status for answer in answers} == {401}
    assert len({answer.page["message"] for answer in answers}) == 1
    assert browser.cookie is None
    browser.accept = HTML
    page = await browser.post("/login", {"username": "ravi", "password": "x", "next": "/cart"})
    assert (page.status, 'value="/cart"' in page.text) == (401, True)


@pytest.mark.parametrize("password", ["", "x" * 2000, "wristband-", "ÄÖÜ", "wristband-ravi "])
async def test_strange_passwords(browser: Browser, password: str) -> None:
    assert (await browser.post("/login", {"username": "ravi", "password": password})).status == 401


async def test_every_member_can_log_in_and_has_a_canary_of_their_own(browser: Browser) -> None:
    canaries = set()
    for name in MEMBERS:
        assert (await browser.log_in(name)).page["user"] == name
        canaries.add((await browser.get("/account")).page["canary"])
    assert len(canaries) == len(MEMBERS) == 60


@pytest.mark.parametrize(
    ("path", "local"),
    [
        ("/cart", "/cart"),
        ("/cart?a=b&c=d", "/cart?a=b&c=d"),
        ("/ä", "/%C3%A4"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/\n/evil.example", "/"),
        ("/cart\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
        ("/.//evil.example", "/"),
        ("/a/..//evil.example", "/"),
        ("///evil.example", "/"),
    ],
)
async def test_after_login_one_stays_in_the_shop(browser: Browser, path: str, local: str) -> None:
    assert local_path(path) == local
    browser.accept = HTML
    assert (await browser.log_in(next=path)).headers["Location"] == local


async def test_head_answers_without_a_body(browser: Browser) -> None:
    for path in ("/", "/whoami", "/health", "/nowhere"):
        get, head = await browser.get(path), await browser.ask("HEAD", path)
        assert (head.status, head.body) == (get.status, b"")
        assert head.headers["Content-Length"] == get.headers["Content-Length"]


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nowhere", b"", 404),
        ("DELETE", "/cart", b"", 405),
        ("GET", "/logout", b"", 405),
        ("POST", "/login", b"x" * (LARGEST_BODY + 1), 413),
        ("POST", "/login", b"\xff", 415),
    ],
)
async def test_errors_are_pages_in_both_formats(
    browser: Browser, accept: str, method: str, path: str, body: bytes, status: int
) -> None:
    browser.accept = {"Accept": accept}
    answer = await browser.ask(method, path, data=body, headers={"Content-Type": "application/octet-stream"})
    assert answer.status == status
    assert answer.headers["Content-Type"].startswith(accept)
    assert answer.headers["Served-By"] == "server-1"
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b"1"])
async def test_broken_json(browser: Browser, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert (await browser.ask("POST", "/login", data=body, headers=headers)).status == 400


async def test_health_and_style_have_nothing_to_do_with_sessions(browser: Browser) -> None:
    browser.cookie = create_id()
    answer = await browser.get("/health")
    assert (answer.status, answer.page["status"], answer.outcome) == (200, "ok", None)
    answer = await browser.get("/style.css")
    assert (answer.status, answer.headers["Content-Type"], answer.outcome) == (200, "text/css; charset=utf-8", None)


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", True),
        ("application/json, */*", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("text/html;q=0.5, application/json", True),
        ("application/json;q=0.1, text/html", False),
        ("application/*", True),
        ("APPLICATION/JSON", True),
        ("text/plain, application/json;q=x", False),
        ("application/json;q=0, */*", False),
    ],
)
def test_accept(accept: str, json: bool) -> None:
    assert wants_json(accept) is json
