"""Somebody with a browser of their own, and what they do in the shop."""

from dataclasses import dataclass, field

from playwright.async_api import Browser, BrowserContext, Page

PATIENCE = 10_000.0
"""Milliseconds until playwright gives up waiting for something to appear."""


@dataclass
class Person:
    """Somebody with a browser of their own; keeps what the browser complained about and whom it asked."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def go(self, path: str) -> None:
        await self.page.goto(self.url + path)

    async def fill_in_login(self, name: str = "ravi", password: str = "") -> None:
        await self.page.get_by_label("User name").fill(name)
        await self.page.get_by_label("Password").fill(password or f"wristband-{name}")
        await self.page.locator("main").get_by_role("button", name="Log in").click()

    async def log_in(self, next: str = "/") -> None:
        await self.go(f"/login?next={next}")
        await self.fill_in_login()
        await self.page.get_by_role("button", name="Log out").wait_for()

    async def click(self, link: str) -> None:
        """Follow a link of the shop's navigation, to where it ends."""
        async with self.page.expect_event("load"):
            await self.page.get_by_role("navigation", name="Shop").get_by_role("link", name=link).click()

    async def server(self) -> str:
        return await self.page.locator(".strip .server span").inner_text()

    async def logbook(self) -> str:
        return await self.page.locator(".strip .logbook dd").inner_text()

    async def wristband(self) -> str:
        return await self.page.locator(".strip .wristband span").inner_text()

    async def heading(self) -> str:
        return await self.page.get_by_role("heading", level=1).inner_text()


async def open_browser(chromium: Browser) -> BrowserContext:
    """An empty cookie jar; without the pages' cross-fades, which a test would only wait for."""
    return await chromium.new_context(reduced_motion="reduce")


async def sit_down(page: Page, url: str) -> Person:
    someone = Person(page, url)
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda line: someone.complaints.append(line.text))
    page.on("pageerror", lambda error: someone.complaints.append(str(error)))
    page.on("request", lambda request: someone.asked.append(request.url))
    return someone


def check_manners(someone: Person) -> None:
    """Nothing on the console, and nobody but the shop was asked for anything."""
    assert someone.complaints == []
    assert someone.asked
    assert [url for url in someone.asked if not url.startswith((someone.url + "/", "data:"))] == []
