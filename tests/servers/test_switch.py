"""The live switch of the store, under traffic."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from servers.app import make_app
from servers.commands import Commands
from servers.config import ServerConfig
from servers.control import ControlError
from servers.gate import Gate
from servers.orders import Orders
from servers.shop import SHOP
from servers.stores import STORES
from servers.stores.memory import MemoryStore
from servers.switch import AT_ONCE, copy

from .conftest import Browser, Clock


@pytest.fixture
async def commands(clock: Clock, tmp_path: Path) -> AsyncIterator[Commands]:
    """A server with a memory store, and what the control channel can do with it."""
    config = ServerConfig(store_timeout=5.0)
    store = MemoryStore(clock)
    app = make_app(config, store, Orders(""), clock)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    commands = Commands(app[SHOP], store, lambda: None)
    commands.address = "http://{}:{}".format(*runner.addresses[0][:2])
    yield commands
    await runner.cleanup()
    await commands.close()


@pytest.fixture
def browser(commands: Commands, http: aiohttp.ClientSession) -> Browser:
    return Browser(commands.address, http)


@pytest.fixture(params=["redis", "sqlite", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    kind = request.param
    if kind == "sqlite":
        return {"store": kind, "store_url": str(tmp_path / "sessions.db")}
    url = request.getfixturevalue({"redis": "redis_url", "postgres": "postgres_dsn"}[kind])
    return {"store": kind, "store_url": url}


async def test_with_migrate_everybody_stays_in(
    commands: Commands, browser: Browser, shared: dict[str, str], http: aiohttp.ClientSession
) -> None:
    await browser.log_in()
    await browser.post("/cart", {"item": "rope"})
    gone = Browser(browser.url, http)
    await gone.log_in("user01")
    old = gone.cookie
    await gone.post("/logout")
    assert await commands.switch(**shared, migrate=True) == {"moved": 1}
    assert (await commands.state())["store"] == shared["store"]
    answer = await browser.get("/cart")
    assert (answer.outcome, answer.page["cart"][0]["item"]) == ("hit", "rope")
    gone.cookie = old
    assert (await gone.get("/whoami")).outcome == "revoked"


async def test_without_migrate_everybody_is_out(commands: Commands, browser: Browser, shared: dict[str, str]) -> None:
    await browser.log_in()
    assert await commands.switch(**shared) == {"moved": 0}
    assert (await browser.get("/cart")).outcome == "unknown"
    await browser.log_in()
    assert (await browser.get("/cart")).outcome == "hit"


async def test_there_and_back_keeps_the_newer_cart_and_the_logout(
    commands: Commands, browser: Browser, clock: Clock, shared: dict[str, str], http: aiohttp.ClientSession
) -> None:
    """The shared store still holds the sessions of last time: older carts, and a user who has left since."""
    leaver = Browser(browser.url, http)
    await browser.log_in()
    await leaver.log_in("user01")
    for _ in range(2):
        await commands.switch(**shared, migrate=True)
        await commands.switch(store="memory", migrate=True)
        clock.now += 1
        await browser.post("/cart", {"item": "rope"})
        if leaver.cookie is not None:
            old = leaver.cookie
            await leaver.post("/logout")
    await commands.switch(**shared, migrate=True)
    assert (await browser.get("/cart")).page["cart"][0]["quantity"] == 2
    leaver.cookie = old
    assert (await leaver.get("/whoami")).outcome == "revoked"


async def test_under_traffic_no_request_is_lost_and_nobody_is_logged_out(
    commands: Commands, http: aiohttp.ClientSession, shared: dict[str, str]
) -> None:
    seen: Counter[tuple[int, str | None]] = Counter()
    stop, busy = asyncio.Event(), asyncio.Semaphore(0)

    async def shop(name: str) -> None:
        browser = Browser(commands.address, http)
        await browser.log_in(name)
        while not stop.is_set():
            answer = await browser.post("/cart", {"item": "rope"})
            seen[answer.status, answer.outcome] += 1
            busy.release()

    shoppers = [asyncio.ensure_future(shop(f"user{i:02}")) for i in range(1, 21)]
    for kind in (shared, {"store": "memory"}, shared):
        for _ in range(100):
            await busy.acquire()
        await commands.switch(**kind, migrate=True)
    stop.set()
    await asyncio.gather(*shoppers)
    assert set(seen) == {(200, "hit")}


async def test_a_store_that_does_not_open_leaves_the_old_one_in_force(commands: Commands, browser: Browser) -> None:
    await browser.log_in()
    for store, url in (("redis", "redis://127.0.0.1:1"), ("sqlite", "/nowhere/x.db"), ("paper", "")):
        with pytest.raises(ControlError, match="memory stays in force"):
            await commands.switch(store, url, migrate=True)
    assert (await commands.state())["store"] == "memory"
    assert (await browser.get("/cart")).outcome == "hit"


async def test_more_records_than_one_page(clock: Clock, tmp_path: Path) -> None:
    old = MemoryStore(clock)
    many = 2 * AT_ONCE + 1
    for i in range(many):
        await old.commit(f"sess_{i}", b"data", 60.0, new=True)
    new = await STORES["sqlite"].open(str(tmp_path / "s.db"), 5.0, clock)
    assert await copy(old, new) == many == await new.count("sess_")
    await new.close()


async def test_the_gate_lets_nobody_in_until_it_opens() -> None:
    gate, story = Gate(), list[str]()

    async def pass_through(name: str) -> None:
        await gate.enter()
        story.append(f"{name} in")
        await asyncio.sleep(0.01)
        story.append(f"{name} out")
        gate.leave()

    early = asyncio.ensure_future(pass_through("early"))
    await asyncio.sleep(0)
    async with gate.shut(5.0):
        late = asyncio.ensure_future(pass_through("late"))
        await asyncio.sleep(0.01)
        story.append("shut")
    await asyncio.gather(early, late)
    assert story == ["early in", "early out", "shut", "late in", "late out"]


async def test_the_gate_opens_again_when_somebody_does_not_leave() -> None:
    gate = Gate()
    await gate.enter()
    with pytest.raises(TimeoutError):
        async with gate.shut(0.01):
            pass
    await asyncio.wait_for(gate.enter(), 1)
    assert gate.inside == 2
