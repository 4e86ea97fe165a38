"""What the logbook is asked, told to who listens."""

from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from servers.app import make_app
from servers.commands import Commands
from servers.config import ServerConfig
from servers.orders import Orders
from servers.sessions import Sessions
from servers.shop import SHOP
from servers.store_calls import MOST_WAITING, StoreCalls, hash_of
from servers.stores.memory import MemoryStore

from .conftest import Browser, Clock


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(MemoryStore(clock), clock, idle_timeout=60, absolute_timeout=600)


async def test_a_login_a_visit_and_a_logout(sessions: Sessions, clock: Clock) -> None:
    told = StoreCalls(sessions, clock)
    calls = told.listen()
    session = await sessions.regenerate(None, "ravi", {})
    await sessions.load(session.id)
    await sessions.destroy(session)
    await sessions.load(session.id)
    heard = [await anext(calls) for _ in range(6)]
    await calls.aclose()
    common = {"time": clock.now, "id": f"{session.id[:9]}…", "hash": hash_of(session.id)}
    assert heard == [
        {**common, "do": "commit", "ended": False, "new": True, "user": "ravi"},
        {**common, "do": "find", "ended": False, "found": True, "user": "ravi"},
        {**common, "do": "commit", "ended": True, "new": True, "user": None},
        {**common, "do": "delete", "ended": False},
        {**common, "do": "find", "ended": False, "found": False, "user": None},
        {**common, "do": "find", "ended": True, "found": True, "user": None},
    ]
    assert session.id not in repr(heard)


async def test_nothing_is_in_the_way_when_nobody_listens(sessions: Sessions) -> None:
    store = sessions.store
    told = StoreCalls(sessions)
    first, second = told.listen(), told.listen()
    await sessions.load(sessions.create().id)
    await anext(first)
    await anext(second)
    assert sessions.store is not store
    await first.aclose()
    assert sessions.store is not store
    await second.aclose()
    assert sessions.store is store


async def test_a_slow_listener_is_told_how_much_it_has_missed(sessions: Sessions) -> None:
    calls = StoreCalls(sessions).listen()
    for _ in range(MOST_WAITING + 7):
        await sessions.store.find("sess_x")
    assert await anext(calls) == {"missed": 7}
    heard = [await anext(calls) for _ in range(MOST_WAITING)]
    assert all(call["do"] == "find" for call in heard)
    await calls.aclose()


async def test_a_switch_of_the_store_goes_on_being_told(
    clock: Clock, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    app = make_app(ServerConfig(store_timeout=5.0), MemoryStore(clock), Orders(""), clock)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    commands = Commands(app[SHOP], app[SHOP].sessions.store, lambda: None)
    calls = await commands.store_calls()
    await commands.switch("sqlite", str(tmp_path / "sessions.db"))
    browser = Browser("http://{}:{}".format(*runner.addresses[0][:2]), http)
    await browser.log_in()
    assert (await anext(calls))["do"] == "commit"
    await calls.aclose()
    assert app[SHOP].sessions.store is commands.store
    await runner.cleanup()
    await commands.close()
