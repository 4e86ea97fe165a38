"""A person with a browser: shops, is logged out by ten logbooks, and is not by a shared one."""

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Browser, expect

from tests.browser.person import Person, check_manners, open_browser, sit_down

pytestmark = pytest.mark.asyncio(loop_scope="module")
CHECKOUT = Path(__file__).parents[2]
LOST = "We do not know your wristband"
PAGES = ("Cart", "Orders", "Account", "Shop")
SERVERS = 10


class Lab:
    """`lab COMMAND ... --name NAME`, run as a user runs it."""

    def __init__(self) -> None:
        self.name = f"browser-{uuid4().hex[:8]}"

    def __call__(self, *command: str) -> str:
        line = [sys.executable, "-m", "scenarios", *command, "--name", self.name]
        done = subprocess.run(line, cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"lab {' '.join(command)}: {done.stderr}"
        return done.stdout

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self("status", "--json"))
        return status


@pytest.fixture
def lab(chromium: Browser) -> Iterator[Lab]:
    """A running lab with one server; after `chromium`, so that nothing starts where there is no browser."""
    lab = Lab()
    lab("up", "--servers", "1", "--store", "memory", "--port", "0", "--detach")
    yield lab
    lab("down")


async def test_one_decision_about_where_sessions_live(chromium: Browser, lab: Lab) -> None:
    async with await open_browser(chromium) as context:
        someone = await sit_down(await context.new_page(), lab.status()["url"])
        page = someone.page

        await someone.log_in()
        await add_towels(someone, 2)
        await expect(page.get_by_role("row", name="Towel")).to_contain_text("€29.80")
        (wristband,) = await context.cookies()

        lab("scale", str(SERVERS))
        seen = [await look_round(someone, link) for link in islice(cycle(PAGES[:3]), SERVERS + 1)]
        knew = [server for server, heading in seen if heading != LOST]
        assert set(knew) <= {"server-1"}
        assert len(knew) <= 3  # of eleven clicks: round robin comes by server-1 with each tenth request
        assert (await context.cookies())[0]["value"] == wristband["value"]

        await logged_out_on_the_way_to(someone, "Orders")
        async with page.expect_response(lambda answer: answer.request.method == "POST") as posted:
            await someone.fill_in_login("user01")
        assert (await (await posted.value).all_headers())["location"] == "/orders"
        await expect(page.get_by_role("heading", name=LOST)).to_be_visible()  # "I keep getting logged out!"

        lab("switch", "--store", "redis", "--migrate")
        seen = [await look_round(someone, link) for link in islice(cycle(PAGES), SERVERS + 2)]
        assert LOST not in {heading for _, heading in seen}
        assert len({server for server, _ in seen}) == SERVERS
        assert await someone.logbook() == f"{await someone.wristband()} = user01, signed in"

        await context.add_cookies([{"name": "session_id", "value": wristband["value"], "url": someone.url}])
        await someone.click("Cart")  # the first wristband was carried over as well, and the cart with it
        await expect(page.get_by_role("row", name="Towel")).to_contain_text("€29.80")
    check_manners(someone)


async def test_from_the_catalogue_to_an_order(person: Person) -> None:
    page = person.page
    await person.log_in()
    await add_towels(person, 1)
    await page.get_by_role("link", name="Keep shopping").click()
    await page.get_by_role("button", name="Add Skipping rope to the cart").click()
    await page.get_by_role("link", name="Go to checkout").click()
    await expect(page.locator("dl.facts")).to_contain_text("card ending in 4872")
    await page.get_by_role("button", name="Place the order · €24.80").click()
    await expect(page.get_by_role("heading", name="Thank you, ravi")).to_be_visible()
    await page.get_by_role("link", name="View orders").click()
    await expect(page.get_by_role("row", name="Total")).to_contain_text("€24.80")
    await person.click("Cart")
    await expect(page.get_by_text("Nothing in it yet")).to_be_visible()


async def test_a_stranger_is_told_so_and_comes_back_to_where_they_were(person: Person) -> None:
    old = "sess_from-another-logbook-0"
    await person.page.context.add_cookies([{"name": "session_id", "value": old, "url": person.url}])
    await person.go("/account")
    assert await person.heading() == LOST
    assert await person.logbook() == "this logbook has no such number"
    await person.fill_in_login()
    await expect(person.page).to_have_url(f"{person.url}/account")
    await expect(person.page.locator("main")).to_contain_text("4872")


async def test_a_wrong_password_loses_nothing_but_a_moment(chromium: Browser, shop: str) -> None:
    async with await open_browser(chromium) as context:  # not `person`: chromium logs the 401 on its console
        someone = await sit_down(await context.new_page(), shop)
        await someone.go("/login?next=/checkout")
        await someone.fill_in_login(password="sandals")
        await expect(someone.page.get_by_role("alert")).to_contain_text("password is wrong")
        await someone.fill_in_login()
        await expect(someone.page).to_have_url(f"{shop}/checkout")


async def test_scripts_cannot_read_the_wristband(person: Person) -> None:
    await person.log_in()
    (cookie,) = await person.page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("session_id", True, "Lax")
    assert await person.page.evaluate("document.cookie") == ""
    assert cookie["value"] not in await person.page.content()


async def test_what_a_visitor_sends_is_shown_as_text(person: Person) -> None:
    await person.log_in()
    evil = "<img src=x onerror=alert(1)>"
    page = await person.page.context.request.post(f"{person.url}/cart", form={"item": evil, "quantity": "1"})
    text = await page.text()
    assert page.status == 400
    assert "&lt;img src=x" in text
    assert evil not in text


async def add_towels(someone: Person, quantity: int) -> None:
    await someone.page.get_by_label("Quantity of Towel").fill(str(quantity))
    await someone.page.get_by_role("button", name="Add Towel").click()
    await someone.page.wait_for_url("**/cart")


async def look_round(someone: Person, link: str) -> tuple[str, str]:
    """Follow a link; the server that answered in the end, and what its page is headed."""
    await someone.click(link)
    return await someone.server(), await someone.heading()


async def logged_out_on_the_way_to(someone: Person, link: str) -> None:
    for _ in range(2):  # at most one of two clicks in a row meets the server that knows
        if (await look_round(someone, link))[1] == LOST:
            return
    raise AssertionError("two servers in a row knew the wristband")
