"""A store that fails is not a store that does not know you. With a real Redis, frozen, killed and back again."""

import asyncio
import os
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis.asyncio as redis

from scenarios.cluster.redis_server import RedisServer
from servers.stores.base import StoreFailed
from servers.stores.memory import MemoryStore
from servers.stores.redis import RedisStore
from servers.stores.sqlite import SqliteStore

from .conftest import HTML, Browser, Clock, Open

TIMEOUT = 0.3
MEMBER_PAGES = ["/cart", "/checkout", "/orders", "/account", "/whoami"]


@pytest.fixture
async def own_redis() -> AsyncIterator[RedisServer]:
    """A Redis for one test: it is going to suffer."""
    folder = Path(tempfile.mkdtemp(prefix="lab-", dir="/tmp"))
    server = RedisServer(folder, environ={"PATH": os.environ["PATH"]})
    await server.start()
    yield server
    await server.resume()
    await server.stop()
    shutil.rmtree(folder)


@pytest.fixture
async def store(own_redis: RedisServer) -> AsyncIterator[RedisStore]:
    store = await RedisStore.open(own_redis.url, TIMEOUT, time.time)
    yield store
    await store.close()


@pytest.fixture
async def member(open_shop: Open, store: RedisStore) -> Browser:
    """Logged in, before anything breaks."""
    browser = await open_shop(store)
    await browser.log_in()
    return browser


async def stay_calm(browser: Browser) -> None:
    """While the store is out: 503 and the same cookie on every page that needs it; the catalogue is there."""
    cookie = browser.cookie
    for path in MEMBER_PAGES:
        answer = await browser.get(path)
        assert (answer.status, answer.outcome) == (503, "store_error")
        assert int(answer.headers["Retry-After"]) > 0
        assert "Set-Cookie" not in answer.headers
    assert (await browser.log_in()).status == 503
    assert (await browser.post("/logout")).status == 503
    answer = await browser.get("/")
    assert (answer.status, answer.outcome) == (200, "store_error")
    assert (await browser.get("/health")).status == 200
    assert browser.cookie == cookie


async def everybody_is_still_in(browser: Browser) -> None:
    answer = await browser.get("/account")
    assert (answer.status, answer.outcome, answer.page["user"]) == (200, "hit", "ravi")


async def test_a_frozen_redis(member: Browser, own_redis: RedisServer) -> None:
    await own_redis.pause()
    started = time.monotonic()
    answer = await member.get("/cart")
    assert (answer.status, answer.outcome) == (503, "store_error")
    assert time.monotonic() - started < 3 * TIMEOUT
    await stay_calm(member)
    await own_redis.resume()
    await everybody_is_still_in(member)


async def test_a_stopped_redis_that_comes_back_with_its_data(member: Browser, own_redis: RedisServer) -> None:
    await own_redis.stop(keep=True)
    await stay_calm(member)
    await own_redis.start()
    await everybody_is_still_in(member)


async def test_a_redis_restarted_between_two_requests_is_not_noticed(member: Browser, own_redis: RedisServer) -> None:
    await own_redis.stop(keep=True)
    await own_redis.start()
    await everybody_is_still_in(member)


async def test_a_killed_redis_without_persistence_has_forgotten(member: Browser, own_redis: RedisServer) -> None:
    """Then, and only then, "unknown" is the truth."""
    client = redis.Redis.from_url(own_redis.url)
    pid = (await client.info("server"))["process_id"]
    await client.aclose()
    os.kill(pid, signal.SIGKILL)
    await stay_calm(member)
    await own_redis.stop()
    await own_redis.start()
    answer = await member.get("/account")
    assert (answer.status, answer.outcome) == (401, "unknown")
    assert (await member.log_in()).status == 200
    await everybody_is_still_in(member)


async def test_many_waiting_for_a_frozen_redis_wait_no_longer_than_one(
    store: RedisStore, own_redis: RedisServer
) -> None:
    await own_redis.pause()
    started = time.monotonic()

    async def find(delay: float) -> None:
        await asyncio.sleep(delay)
        with pytest.raises(StoreFailed, match=r"within 0\.3 s"):
            await store.find("sess_a")

    await asyncio.gather(*(find(i * TIMEOUT / 20) for i in range(20)))
    assert time.monotonic() - started < 2 * TIMEOUT


async def test_an_answer_that_comes_too_late_is_nobody_elses(store: RedisStore, own_redis: RedisServer) -> None:
    for id in ("sess_a", "sess_b"):
        await store.commit(id, id.encode(), 60.0, new=True)
    await own_redis.pause()
    with pytest.raises(StoreFailed):
        await store.find("sess_a")
    await own_redis.resume()
    assert await store.find("sess_b") == b"sess_b"
    assert await store.find("sess_a") == b"sess_a"


async def test_a_redis_that_refuses_to_write(member: Browser, own_redis: RedisServer) -> None:
    client = redis.Redis.from_url(own_redis.url)
    await client.config_set("maxmemory", "1")  # "OOM command not allowed": it answers, and says no
    answer = await member.post("/cart", {"item": "rope"})
    assert (answer.status, answer.outcome) == (503, "store_error")
    await everybody_is_still_in(member)
    await client.config_set("maxmemory", "0")
    await client.aclose()
    assert (await member.post("/cart", {"item": "rope"})).status == 200


async def test_a_wrong_password_is_one_clear_line(own_redis: RedisServer) -> None:
    client = redis.Redis.from_url(own_redis.url)
    await client.config_set("requirepass", "secret")
    with pytest.raises(StoreFailed, match="check --store-url") as failure:
        await RedisStore.open(own_redis.url, TIMEOUT, time.time)
    assert "\n" not in str(failure.value)
    await client.config_set("requirepass", "")
    await client.aclose()


async def test_a_locked_sqlite_file(open_shop: Open, clock: Clock, tmp_path: Path) -> None:
    path = str(tmp_path / "sessions.db")
    store = await SqliteStore.open(path, TIMEOUT, clock)
    browser = await open_shop(store)
    await browser.log_in()
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    answer = await browser.post("/cart", {"item": "rope"})
    assert (answer.status, answer.outcome) == (503, "store_error")
    assert (await browser.get("/account")).status == 200  # write-ahead log: reading goes on
    lock.execute("ROLLBACK")
    assert (await browser.post("/cart", {"item": "rope"})).status == 200
    lock.close()
    await store.close()


class Forgetful(MemoryStore):
    """Fails to write on demand, as a full disk does."""

    full = False

    async def commit(self, id: str, data: bytes, ttl: float, *, new: bool) -> None:
        if self.full:
            raise StoreFailed("no room")
        await super().commit(id, data, ttl, new=new)


async def test_writing_a_visit_down_may_fail_without_anybody_noticing(open_shop: Open, clock: Clock) -> None:
    store = Forgetful(clock)
    browser = await open_shop(store)
    await browser.log_in()
    store.full = True
    clock.now += 1000  # time to write it down
    await everybody_is_still_in(browser)
    assert (await browser.post("/cart", {"item": "rope"})).status == 503
    assert (await browser.post("/logout")).status == 503
    await everybody_is_still_in(browser)


async def test_with_replace_a_failing_store_hands_out_nothing(open_shop: Open, clock: Clock) -> None:
    store = Forgetful(clock)
    browser = await open_shop(store, on_unknown="replace")
    browser.cookie, store.full = "sess_abcdefghijklmnopqrstuv", True
    answer = await browser.get("/")
    assert (answer.status, answer.outcome, "Set-Cookie" in answer.headers) == (200, "unknown", False)


async def test_the_page_for_people(member: Browser, own_redis: RedisServer) -> None:
    await own_redis.pause()
    member.accept = HTML
    answer = await member.get("/cart")
    assert answer.status == 503
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "wristband" in answer.text
