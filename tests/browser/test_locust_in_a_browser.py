"""Locust's web UI in a real browser: stock locust on a running lab, its own rows, its tab, and the line that falls."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from scenarios.cluster.processes import ProcessCluster
from tests.browser.person import PATIENCE
from tests.scenarios.load.swarm import LOCUSTFILE, free_port

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@asynccontextmanager
async def stock_locust(url: str, folder: Path) -> AsyncIterator[str]:
    """`locust -f scenarios/load/locustfile.py --host URL`, nothing else but the port; the web UI's address."""
    port = free_port()
    web = ("--web-host", "127.0.0.1", "--web-port", str(port))
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "locust", "-f", str(LOCUSTFILE), "--host", url, *web),
        cwd=folder, env=environ, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async for line in process.stderr:
            if b"Starting web interface" in line:
                break
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.communicate()


async def open_page(page: Page, url: str) -> None:
    for _ in range(100):  # the ruler is checked before the web UI serves
        try:
            await page.goto(url)
        except Exception:  # noqa: BLE001 - connection refused, in playwright's own words
            await page.wait_for_timeout(100)
        else:
            return
    raise AssertionError(f"{url} does not answer")


async def rate_of(page: Page, name: str) -> float:
    cell = (
        page.get_by_role("row").filter(has=page.get_by_role("cell", name=name, exact=True)).get_by_role("cell").nth(3)
    )
    await expect(cell).to_have_text(re.compile(r"\d %"))
    return float((await cell.inner_text()).split()[0])


async def test_the_logouts_are_there_to_see_and_go_with_the_switch(
    chromium: Browser, short_folder: Path, tmp_path: Path
) -> None:
    async with (
        await ProcessCluster.start(short_folder / "locust", servers=4) as cluster,
        stock_locust(cluster.url, tmp_path) as url,
        await chromium.new_page(viewport={"width": 1300, "height": 1000}) as page,
    ):
        page.set_default_timeout(2 * PATIENCE)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await open_page(page, url)
        await page.get_by_label("Number of users").fill("40")
        await page.get_by_label("Ramp up").fill("40")
        await page.get_by_role("button", name="Custom parameters").click()
        await page.get_by_label("think").fill("0.1")
        await page.get_by_role("button", name="Start").click()

        await expect(page.get_by_role("cell", name="LOGOUT").first).to_be_visible()
        await page.get_by_role("tab", name="Logouts").click()
        for _ in range(60):
            with_session = page.get_by_role("row", name="All requests").get_by_role("cell").nth(1)
            if (await with_session.count()) and int(await with_session.inner_text()) > 600:
                break
            await page.wait_for_timeout(500)
        assert await rate_of(page, "All requests") == pytest.approx(75, abs=6)
        assert await rate_of(page, "at server-4") == pytest.approx(75, abs=15)
        await expect(page.get_by_role("cell", name="while view order")).to_be_visible()

        line = page.get_by_alt_text("Logout rate over the last minutes")
        await expect(line).to_be_visible()
        assert await line.evaluate("image => image.complete && image.naturalWidth") == 360
        await page.locator("summary").click()
        await expect(line).to_be_hidden()

        await page.get_by_role("tab", name="Failures").click()
        await expect(
            page.get_by_text("showed a session ID and was treated as a stranger (unknown)").first
        ).to_be_visible()

        await cluster.switch(store="redis", migrate=True)
        await page.get_by_role("tab", name="Logouts").click()
        last = page.get_by_role("row").filter(has=page.get_by_role("cell", name="Last 10 s", exact=True))
        await expect(last.get_by_role("cell").nth(3)).to_have_text("0.0 %", timeout=3 * PATIENCE)
        await page.get_by_role("tab", name="Download Data").click()
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Download logouts CSV").click()
        saved = await (await download.value).path()
        assert "while view order" in saved.read_text()
        assert complaints == []
