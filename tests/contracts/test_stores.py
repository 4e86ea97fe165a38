"""One suite for every session store, against the real thing."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from servers.stores import STORES
from servers.stores.base import IterableStore, OpenStore, StoreFailed


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Opened:
    store: OpenStore
    another: Callable[[], Awaitable[OpenStore]]
    pass_time: Callable[[float], Awaitable[None]]


@pytest.fixture(params=list(STORES))
def where(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Kind of store, and URL of a real and empty one."""
    kind = request.param
    if kind in ("redis", "postgres"):
        return kind, request.getfixturevalue({"redis": "redis_url", "postgres": "postgres_dsn"}[kind])
    return kind, str(tmp_path / "sessions.db")


@pytest.fixture
async def opened(where: tuple[str, str]) -> AsyncIterator[Opened]:
    (kind, url), clock = where, Clock()
    stores: list[OpenStore] = []

    async def another() -> OpenStore:
        stores.append(await STORES[kind].open(url, 5.0, clock))
        return stores[-1]

    async def pass_time(seconds: float) -> None:
        """Our clock jumps; Redis and PostgreSQL have their own, and are waited for."""
        clock.now += seconds
        if kind in ("redis", "postgres"):
            await asyncio.sleep(seconds)

    yield Opened(await another(), another, pass_time)
    for store in stores:
        await store.close()


@pytest.fixture
def store(opened: Opened) -> OpenStore:
    return opened.store


async def test_what_was_never_written_is_not_found(store: OpenStore) -> None:
    assert await store.find("sess_a") is None


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)), b"\xff" * 100_000])
async def test_bytes_come_back_as_they_were(store: OpenStore, data: bytes) -> None:
    await store.commit("sess_a", data, 60.0, new=True)
    assert await store.find("sess_a") == data


@pytest.mark.parametrize("id", ["sess_a'; DROP TABLE session; --", "sess_*", "sess_%", "sess_\r\nDEL x", "sess_ü"])
async def test_an_id_is_only_a_name(store: OpenStore, id: str) -> None:
    await store.commit("sess_other", b"other", 60.0, new=True)
    await store.commit(id, b"mine", 60.0, new=True)
    assert await store.find(id) == b"mine"
    await store.delete(id)
    assert (await store.find(id), await store.find("sess_other")) == (None, b"other")


async def test_an_update_replaces(store: OpenStore) -> None:
    await store.commit("sess_a", b"one", 60.0, new=True)
    await store.commit("sess_a", b"two", 60.0, new=False)
    assert await store.find("sess_a") == b"two"


async def test_new_never_overwrites(store: OpenStore) -> None:
    await store.commit("sess_a", b"first", 60.0, new=True)
    await store.commit("sess_a", b"second", 60.0, new=True)
    assert await store.find("sess_a") == b"first"


async def test_an_update_does_not_bring_back_what_was_deleted(store: OpenStore) -> None:
    await store.commit("sess_a", b"data", 60.0, new=True)
    await store.delete("sess_a")
    await store.commit("sess_a", b"late", 60.0, new=False)
    assert await store.find("sess_a") is None


async def test_deleting_nothing_is_fine(store: OpenStore) -> None:
    await store.delete("sess_a")
    assert await store.find("sess_a") is None


async def test_a_record_expires_and_its_id_is_free_again(opened: Opened) -> None:
    store = opened.store
    await store.commit("sess_short", b"data", 0.3, new=True)
    await store.commit("sess_long", b"data", 60.0, new=True)
    assert await store.find("sess_short") == b"data"
    await opened.pass_time(0.4)
    assert await store.find("sess_short") is None
    assert await store.find("sess_long") == b"data"
    await store.commit("sess_short", b"late", 60.0, new=False)
    assert await store.find("sess_short") is None
    await store.commit("sess_short", b"again", 60.0, new=True)
    assert await store.find("sess_short") == b"again"


async def test_an_update_prolongs(opened: Opened) -> None:
    await opened.store.commit("sess_a", b"data", 0.3, new=True)
    await opened.store.commit("sess_a", b"data", 60.0, new=False)
    await opened.pass_time(0.4)
    assert await opened.store.find("sess_a") == b"data"


async def test_many_at_once(store: OpenStore) -> None:
    ids = [f"sess_{i}" for i in range(300)]
    await asyncio.gather(*(store.commit(id, id.encode(), 60.0, new=True) for id in ids))
    wanted = [*ids, "sess_none", ids[0]]
    found = await asyncio.gather(*(store.find(id) for id in wanted))
    assert found == [*(id.encode() for id in ids), None, b"sess_0"]
    await asyncio.gather(*(store.delete(id) for id in ids[:299]), store.find("sess_5"))
    assert await store.count("sess_") == 1


async def test_the_same_id_twice_at_once(store: OpenStore) -> None:
    await asyncio.gather(*(store.commit("sess_a", b"new", 60.0, new=True) for _ in range(3)))
    await asyncio.gather(*(store.commit("sess_a", b"old", 60.0, new=False) for _ in range(3)))
    await asyncio.gather(*(store.delete("sess_a") for _ in range(3)))
    assert await store.find("sess_a") is None


async def test_a_cancelled_request_harms_nobody(store: OpenStore) -> None:
    await store.commit("sess_a", b"data", 60.0, new=True)
    impatient = asyncio.ensure_future(store.find("sess_a"))
    patient = asyncio.ensure_future(store.find("sess_a"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == b"data"


async def test_listing_and_counting(opened: Opened) -> None:
    store = opened.store
    assert isinstance(store, IterableStore)
    await store.commit("ended_a", b"x", 60.0, new=True)
    await store.commit("sess_a", b"a", 60.0, new=True)
    await store.commit("sess_b", b"b", 0.2, new=True)
    assert (await store.count(""), await store.count("sess_")) == (3, 2)
    await opened.pass_time(0.3)
    assert await store.count("sess_") == 1
    [(id, data, left)] = [record async for record in store.all("sess_")]
    assert (id, data) == ("sess_a", b"a")
    assert 50 < left <= 60


async def test_memory_is_private_and_the_others_are_shared(opened: Opened, where: tuple[str, str]) -> None:
    await opened.store.commit("sess_a", b"data", 60.0, new=True)
    seen = await (await opened.another()).find("sess_a")
    assert seen == (None if where[0] == "memory" else b"data")


async def test_a_closed_store_fails(store: OpenStore, where: tuple[str, str]) -> None:
    if where[0] == "memory":
        pytest.skip("memory cannot fail")
    await store.close()
    with pytest.raises(StoreFailed):
        await asyncio.wait_for(store.find("sess_a"), 2)


@pytest.mark.parametrize(
    ("kind", "url", "says"),
    [
        ("redis", "redis://127.0.0.1:1", "check --store-url"),
        ("redis", "nonsense", "looks like redis://"),
        ("redis", "redis://127.0.0.1:1/zero", "looks like|check --store-url"),
        ("sqlite", "", "needs a file"),
        ("sqlite", "/nowhere/at/all/x.db", "cannot use /nowhere"),
        ("postgres", "", "needs --store-url"),
        ("postgres", "postgresql://127.0.0.1:1/x", "check --store-url"),
        ("postgres", "nonsense", "check --store-url"),
    ],
)
async def test_what_cannot_be_opened_says_so_in_one_line(kind: str, url: str, says: str) -> None:
    started = time.monotonic()
    with pytest.raises(StoreFailed, match=says) as failure:
        await STORES[kind].open(url, 1.0, time.time)
    assert "\n" not in str(failure.value)
    assert time.monotonic() - started < 10
