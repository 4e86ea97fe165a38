"""What every page owes everybody: the strip, names for all that can be used, contrast, keys, room on a phone."""

from typing import Literal

import pytest

from tests.browser.person import Person

Landmark = Literal["banner", "navigation", "main", "contentinfo", "complementary"]
pytestmark = pytest.mark.asyncio(loop_scope="module")
MEMBERS = ("/", "/cart", "/checkout", "/orders", "/account", "/whoami", "/login?next=/cart&why=unknown")
STRANGERS = ("/", "/login", "/login?next=/cart&why=unknown", "/whoami")
SERVERS = range(12)
WIDTHS = (320, 390, 1280)
LANDMARKS: tuple[Landmark, ...] = ("banner", "navigation", "main", "contentinfo", "complementary")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LEAST_FOR_TEXT = 4.5  # WCAG 2.2, 1.4.3 (AA); we ask it of large text too
LEAST_FOR_EDGES = 3.0  # WCAG 2.2, 1.4.11

# Colours are oklch() in the stylesheet: painting one pixel asks the browser what it makes of them.
CONTRAST = """(servers) => {
  const pen = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true})
  const paint = (colour) => {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1)
    return [...pen.getImageData(0, 0, 1, 1).data]
  }
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ratio = (one, other) => {
    const [dark, light] = [one, other].map((c) => luminance(c.slice(0, 3))).sort((a, b) => a - b)
    return (light + 0.05) / (dark + 0.05)
  }
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const colour = paint(getComputedStyle(element).backgroundColor)
      if (colour[3] === 255) return colour
    }
    throw new Error("no ground")
  }
  const ink = (element) => getComputedStyle(element)[element.closest("svg") ? "fill" : "color"]
  const text = [...document.body.querySelectorAll("*")].filter((element) =>
    element.checkVisibility() && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
  const fields = [...document.querySelectorAll("input:not([type=hidden])")]
  const found = []
  for (const server of servers) {
    document.documentElement.style.setProperty("--server", server)
    const say = (element, kind, value) =>
      found.push([kind, value, `server-${server} ${element.outerHTML.slice(0, 80)}`])
    for (const element of text) say(element, "text", ratio(paint(ink(element)), ground(element)))
    for (const field of fields)
      say(field, "edge", ratio(paint(getComputedStyle(field).borderTopColor), ground(field.parentElement)))
  }
  return found
}"""

UNNAMED = """() => [...document.querySelectorAll("input:not([type=hidden]), button, a, nav, aside")].filter((element) =>
  !(element.labels?.length || element.getAttribute("aria-label") || element.innerText?.trim())
).map((element) => element.outerHTML)"""


async def be_a_member(person: Person) -> None:
    """With something in the cart, so that no page is empty."""
    await person.log_in()
    await person.page.get_by_role("button", name="Add Towel").click()
    await person.page.wait_for_url("**/cart")


async def test_strip_names_and_landmarks(person: Person) -> None:
    for path in STRANGERS:
        await person.go(path)
        assert await person.logbook() == "nothing: you showed no number"
        await check_page(person)
    await be_a_member(person)
    for path in MEMBERS:
        await person.go(path)
        assert await person.logbook() == f"{await person.wristband()} = ravi, signed in"
        await check_page(person)


async def check_page(person: Person) -> None:
    page = person.page
    assert await person.server() == "server-1"
    assert await page.evaluate(UNNAMED) == []
    assert await page.locator("h1").count() == 1
    assert await page.locator("html").get_attribute("lang") == "en"
    for landmark in LANDMARKS:
        assert await page.get_by_role(landmark).count() == 1, f"{landmark} of {page.url}"
    ids: list[str] = await page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len(set(ids))


async def test_contrast_is_enough_whichever_server_answers(person: Person) -> None:
    least = {"text": LEAST_FOR_TEXT, "edge": LEAST_FOR_EDGES}
    await be_a_member(person)
    for path in MEMBERS:
        await person.go(path)
        grounds = set()
        for scheme in SCHEMES:
            await person.page.emulate_media(color_scheme=scheme)
            found = await person.page.evaluate(CONTRAST, list(SERVERS))
            assert len(found) > 10 * len(SERVERS)
            assert [(kind, round(ratio, 2), what) for kind, ratio, what in found if ratio < least[kind]] == []
            grounds.add(await person.page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
        assert len(grounds) == len(SCHEMES)


async def test_nothing_sticks_out_sideways(person: Person) -> None:
    await be_a_member(person)
    for path in MEMBERS:
        await person.go(path)
        for width in WIDTHS:
            await person.page.set_viewport_size({"width": width, "height": 800})
            assert await person.page.evaluate("document.documentElement.scrollWidth") <= width, path


async def test_each_server_has_a_colour_of_its_own(person: Person) -> None:
    await person.go("/")
    colours = {
        await person.page.evaluate(
            """(server) => { document.documentElement.style.setProperty("--server", server)
               return getComputedStyle(document.querySelector(".strip")).backgroundColor }""",
            server,
        )
        for server in SERVERS
    }
    assert len(colours) == len(SERVERS)


async def test_login_with_the_keyboard_alone(person: Person) -> None:
    page = person.page
    await person.go("/cart")
    await page.keyboard.press("Tab")
    assert await focused(person) == "Skip to the content"
    for _ in range(20):
        await page.keyboard.press("Tab")
        assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        if await page.evaluate("document.activeElement.id") == "username":
            break
    await page.keyboard.type("ravi")
    await page.keyboard.press("Tab")
    await page.keyboard.type("wristband-ravi")
    await page.keyboard.press("Tab")
    assert await focused(person) == "Log in"
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Your cart").wait_for()


async def focused(person: Person) -> str:
    text: str = await person.page.evaluate("document.activeElement.innerText")
    return text
