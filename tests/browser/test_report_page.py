"""The report of a run in a real browser: on a phone and on paper, for keyboards and for ears; its plots are drawn."""

import io
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, Locator, Page

from scenarios.journal import JournalWriter, header
from scenarios.reports import page as report
from scenarios.reports.numbers import read
from scenarios.reports.plots import PLOTS
from tests.browser.person import PATIENCE, open_browser
from tests.browser.test_pages_for_everybody import CONTRAST, LEAST_FOR_TEXT, SCHEMES, UNNAMED
from tests.scenarios.feeds import START, story

pytestmark = pytest.mark.asyncio(loop_scope="module")
WIDTHS = (320, 390, 794, 1280)  # 794: A4 at 96 pixels an inch
MEDIA: tuple[Literal["screen", "print"], ...] = ("screen", "print")
Colour = tuple[int, int, int]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Page]:
    """The report of the incident as a file; nothing may be asked for, nothing may be complained about."""
    folder = tmp_path_factory.mktemp("report")
    settings = {"scenario": "keeps-logging-out", "servers": 10, "users": 60, "pace": "fast"}
    head = header(session_lab="0.1.0", python="3.11", platform="linux", seed=7, settings=settings, started=START)
    with JournalWriter(str(folder / "run.jsonl"), head) as journal:
        for event in story():
            journal.write(event)
    path: Path = folder / "report.html"
    report.write(report.render(read(str(folder / "run.jsonl"))), path)
    asked: list[str] = []
    said: list[str] = []
    async with await open_browser(chromium) as context:
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda line: said.append(line.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(path.as_uri())
        yield page
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]


async def test_nothing_sticks_out_sideways(page: Page) -> None:
    for media in MEDIA:
        await page.emulate_media(media=media)
        for width in WIDTHS if media == "screen" else (794,):
            await page.set_viewport_size({"width": width, "height": 900})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, (media, width)
    await page.emulate_media(media="screen")


async def test_no_table_of_the_incident_needs_to_be_scrolled_on_a_phone(page: Page) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    wide = await page.evaluate("""() => [...document.querySelectorAll(".wide")]
        .filter((region) => region.scrollWidth > region.clientWidth).map((region) => region.ariaLabel)""")
    assert wide == []


async def test_contrast_is_enough_by_day_and_by_night(page: Page) -> None:
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        found = await page.evaluate(CONTRAST, [0])
        assert len(found) > 200
        assert [(round(ratio, 2), what) for _, ratio, what in found if ratio < LEAST_FOR_TEXT] == []
    await page.emulate_media(color_scheme="light")


async def test_headings_tables_and_pictures_have_names(page: Page) -> None:
    assert await page.evaluate(UNNAMED) == []
    assert await page.locator("html").get_attribute("lang") == "en"
    assert await page.title() == "keeps-logging-out: report of a run - Session Lab"
    levels: list[int] = await page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4')].map((heading) => Number(heading.tagName[1]))"
    )
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels)), levels
    tables = page.locator("table")
    assert await tables.count() == await page.locator("table > caption").count() > 5
    assert await page.locator("th:not([scope])").count() == 0
    assert await page.locator("tbody tr:not(:has(th[scope=row]))").count() == 0
    for plot in PLOTS.values():
        assert await page.get_by_role("img", name=plot.title, exact=True).count() == 1, plot.title


async def test_the_keyboard_reaches_everything_in_the_order_it_is_read(page: Page) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    assert await page.locator("[tabindex]:not([tabindex='0'], [tabindex='-1'])").count() == 0
    reachable = await page.locator("a[href], [tabindex='0']").count()
    seen: list[float] = []
    await page.evaluate("document.activeElement.blur()")
    for number in range(reachable):
        await page.keyboard.press("Tab")
        outline, place, text = await page.evaluate("""() => { const here = document.activeElement
            return [getComputedStyle(here).outlineStyle,
                    [...document.querySelectorAll("*")].indexOf(here), here.innerText] }""")
        assert outline == "solid"
        seen.append(place)
        if number == 0:
            assert text == "Skip to the report"
            await page.keyboard.press("Enter")
            assert await page.evaluate("document.activeElement.id") == "report"
            await page.evaluate("document.querySelector('.skip').focus()")
    assert seen == sorted(seen)
    assert len(set(seen)) == reachable


async def test_on_paper_there_is_no_navigation_and_no_plot_is_cut_in_two(page: Page) -> None:
    await page.emulate_media(media="print", color_scheme="dark")
    assert not await page.get_by_role("navigation").is_visible()
    assert await page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    broken = await page.evaluate("getComputedStyle(document.querySelector('figure')).breakInside")
    assert broken == "avoid"
    await page.emulate_media(media="screen", color_scheme="light")
    paper = await page.pdf(format="A4")
    assert 2 <= paper.count(b"/Type /Page\n") <= 15


async def pixels(locator: Locator) -> Image.Image:
    return Image.open(io.BytesIO(await locator.screenshot())).convert("RGB")


def near(one: Colour, other: Colour) -> bool:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) < 90


def places(image: Image.Image, colour: Colour) -> list[tuple[float, float]]:
    """Where this colour is, as shares of the width and of the height from the top."""
    width, height = image.size
    found = ((x, y) for x in range(width) for y in range(height) if near(image.getpixel((x, y)), colour))  # type: ignore[arg-type]
    return [(x / width, y / height) for x, y in found]


async def test_every_plot_is_drawn(page: Page) -> None:
    await page.set_viewport_size({"width": 1280, "height": 900})
    for plot in PLOTS.values():
        image = await pixels(page.get_by_role("img", name=plot.title, exact=True))
        assert image.width > 300
        colours = image.getcolors(1 << 24)
        assert colours is not None
        assert len(colours) > 20, plot.title
        white = sum(times for times, colour in colours if colour == (255, 255, 255))
        assert white < 0.97 * image.width * image.height, plot.title


async def test_the_rate_is_up_in_the_second_act_and_down_in_the_others_beside_theory(page: Page) -> None:
    image = await pixels(page.get_by_role("img", name="Logout rate beside theory", exact=True))
    for colour in ((0xB3, 0x26, 0x1E), (0x00, 0x70, 0x7A)):  # measured, theory
        found = [(x, y) for x, y in places(image, colour) if y < 0.88]  # below is the legend
        high = [x for x, y in found if y < 0.3]
        low = [x for x, y in found if y > 0.5]
        assert len(high) > 20
        assert len(low) > 20
        assert min(high) > min(low)
        assert max(high) < max(low)
        assert 0.2 < max(high) - min(high) < 0.45, "a third of the run"
