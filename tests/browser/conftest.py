"""A real browser (Debian's chromium, driven by playwright) and a real shop for it."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from scenarios.cluster.processes import ProcessCluster
from tests.browser.person import Person, check_manners, open_browser, sit_down

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",  # chromium refuses its sandbox to root, and this one visits nothing but our own pages
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str:
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        no_browser = f"no browser on PATH (looked for {', '.join(CHROMIUM)}); Debian: apt install chromium"
        if os.environ.get("SESSION_LAB_REQUIRE_BROWSER") == "1":
            pytest.fail(no_browser)
        pytest.skip(no_browser)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    path = find_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(chromium: Browser, short_folder: Path) -> AsyncIterator[str]:
    """The URL of a shop with one server; after `chromium`, so that nothing starts where there is no browser."""
    async with await ProcessCluster.start(short_folder / "shop", servers=1) as cluster:
        yield cluster.url


@pytest_asyncio.fixture(loop_scope="module")
async def person(chromium: Browser, shop: str) -> AsyncIterator[Person]:
    """Somebody in front of the shop, whose browser must find nothing to complain about."""
    async with await open_browser(chromium) as context:
        someone = await sit_down(await context.new_page(), shop)
        yield someone
    check_manners(someone)
