"""A server off its network: silent, not gone, and back with everything that was sent meanwhile."""

import asyncio

import pytest

from servers import off_the_network

from .conftest import Browser, Open

QUIET = 0.4
"""Seconds: an answer on this machine takes a hundredth of them."""


def port_of(browser: Browser) -> int:
    return int(browser.url.rpartition(":")[2])


async def test_silent_and_back(open_shop: Open) -> None:
    browser, other = await open_shop(), await open_shop()
    port = port_of(browser)
    await browser.log_in()
    await off_the_network.pull(port)
    try:
        waiting = asyncio.ensure_future(browser.get("/whoami"))  # on the connection of the login, which stays open
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), QUIET)
        assert not waiting.done()
        assert (await other.get("/whoami")).status == 200, "the filter is for one port"
    finally:
        off_the_network.plug_in(port)
    assert (await asyncio.wait_for(waiting, 15)).outcome == "hit"
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


async def test_twice_is_once(open_shop: Open) -> None:
    browser = await open_shop()
    port = port_of(browser)
    off_the_network.plug_in(port)
    await off_the_network.pull(port)
    await off_the_network.pull(port)
    off_the_network.plug_in(port)
    off_the_network.plug_in(port)
    assert (await browser.get("/whoami")).status == 200
