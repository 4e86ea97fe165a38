"""The eight steps of a login, the end of a session, and what is said of an ID. With a clock that we move."""

import re
from typing import Any

import pytest

from servers.config import ON_UNKNOWN
from servers.sessions import GRACE, ID_SHAPE, TOMBSTONE_LIFE, create_id
from servers.stores.memory import MemoryStore

from .conftest import Browser, Clock, Open

STRANGER = create_id()


class CountingStore(MemoryStore):
    commits = 0

    async def commit(self, id: str, data: bytes, ttl: float, *, new: bool) -> None:
        self.commits += 1
        await super().commit(id, data, ttl, new=new)


def test_an_id_has_128_bits_and_none_is_like_another() -> None:
    ids = {create_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(ID_SHAPE.fullmatch(id) and len(id) == len("sess_") + 22 for id in ids)


async def test_the_eight_steps(browser: Browser) -> None:
    answer = await browser.log_in()
    assert (answer.status, answer.outcome, answer.page["user"]) == (200, "new", "ravi")
    [cookie] = answer.headers.getall("Set-Cookie")
    assert re.fullmatch(r"session_id=sess_[\w-]{22}; HttpOnly; SameSite=Lax; Path=/", cookie)
    answer = await browser.get("/account")
    assert (answer.status, answer.outcome) == (200, "hit")
    assert (answer.page["user"], answer.page["member_number"]) == ("ravi", 4872)
    assert "Set-Cookie" not in answer.headers


async def test_https_makes_the_cookie_secure(browser: Browser) -> None:
    browser.accept = {**browser.accept, "X-Forwarded-Proto": "https"}
    assert "; Secure" in (await browser.log_in()).headers["Set-Cookie"]
    assert "; Secure" in (await browser.post("/logout")).headers["Set-Cookie"]


async def test_no_id_and_no_login_makes_no_session(browser: Browser) -> None:
    answer = await browser.get("/")
    assert (answer.outcome, answer.page["wristband"]) == ("none", None)
    assert "Set-Cookie" not in answer.headers


async def test_a_login_never_keeps_the_id_that_was_sent(browser: Browser) -> None:
    browser.cookie = STRANGER
    answer = await browser.log_in()
    assert (answer.outcome, browser.cookie == STRANGER) == ("unknown", False)
    first = browser.cookie
    assert (await browser.log_in()).outcome == "hit"
    second, browser.cookie = browser.cookie, first
    assert second != first
    assert (await browser.get("/whoami")).outcome == "revoked"


async def test_a_second_login_keeps_the_cart_and_another_member_does_not_get_it(browser: Browser) -> None:
    await browser.log_in()
    await browser.post("/cart", {"item": "rope", "quantity": "2"})
    await browser.log_in()
    assert [line["item"] for line in (await browser.get("/cart")).page["cart"]] == ["rope"]
    await browser.log_in("user01")
    answer = await browser.get("/cart")
    assert (answer.page["user"], answer.page["cart"]) == ("user01", [])
    assert (await browser.get("/checkout")).page["address"] != "23 Dumbbell Lane, Gymtown 4872"


async def test_logout_ends_the_session_for_everybody_who_holds_the_id(browser: Browser, clock: Clock) -> None:
    await browser.log_in()
    old = browser.cookie
    answer = await browser.post("/logout")
    assert (answer.status, answer.outcome, answer.page["user"]) == (200, "hit", None)
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert browser.cookie is None
    browser.cookie = old
    assert (await browser.get("/whoami")).outcome == "revoked"
    assert (await browser.get("/cart")).status == 401
    clock.now += TOMBSTONE_LIFE + 1
    assert (await browser.get("/whoami")).outcome == "unknown"


async def test_a_logout_of_a_stranger_takes_the_cookie_back(browser: Browser) -> None:
    browser.cookie = STRANGER
    answer = await browser.post("/logout")
    assert (answer.status, answer.outcome, browser.cookie) == (200, "unknown", None)


async def test_idle_timeout(open_shop: Open, clock: Clock) -> None:
    browser = await open_shop(idle_timeout=100.0, absolute_timeout=1000.0)
    await browser.log_in()
    for _ in range(5):
        clock.now += 99
        assert (await browser.get("/whoami")).outcome == "hit"
    clock.now += 101
    answer = await browser.get("/whoami")
    assert (answer.outcome, answer.page["user"]) == ("expired", None)
    assert (await browser.get("/cart")).status == 401
    clock.now += GRACE
    assert (await browser.get("/whoami")).outcome == "unknown"


async def test_absolute_timeout(open_shop: Open, clock: Clock) -> None:
    browser = await open_shop(idle_timeout=100.0, absolute_timeout=300.0)
    await browser.log_in()
    for _ in range(5):
        clock.now += 59
        assert (await browser.get("/whoami")).outcome == "hit"
    clock.now += 6
    assert (await browser.get("/whoami")).outcome == "expired"


async def test_age_and_idle_time_are_told_on_a_hit(browser: Browser, clock: Clock) -> None:
    await browser.log_in()
    clock.now += 50
    assert (await browser.get("/whoami")).headers["Session-Age"] == "50.0 50.0"
    clock.now += 200
    await browser.get("/whoami")
    clock.now += 10
    assert (await browser.get("/whoami")).headers["Session-Age"] == "260.0 10.0"
    assert "Session-Age" not in (await browser.get("/health")).headers


async def test_only_changes_are_written(open_shop: Open, clock: Clock) -> None:
    store = CountingStore(clock)
    browser = await open_shop(store, idle_timeout=100.0)
    await browser.log_in()
    assert store.commits == 1
    for path in ("/", "/cart", "/account", "/whoami", "/orders", "/checkout"):
        await browser.get(path)
    assert store.commits == 1
    await browser.post("/cart", {"item": "rope"})
    assert store.commits == 2
    clock.now += 11  # a tenth of the idle timeout
    await browser.get("/whoami")
    await browser.get("/whoami")
    assert store.commits == 3


@pytest.mark.parametrize("id", ["x", "sess_", "sess_short", "sess_" + "a" * 200, "sess_../../etc/passwd00000000"])
async def test_what_is_no_id_is_unknown(browser: Browser, id: str) -> None:
    browser.cookie = id
    answer = await browser.get("/whoami")
    assert (answer.status, answer.outcome, answer.page["user"]) == (200, "unknown", None)


@pytest.mark.parametrize("record", [b"", b"\xff", b"[]", b"{}", b"null", b'{"user":1}'])
async def test_a_foreign_record_is_unknown(open_shop: Open, clock: Clock, record: bytes) -> None:
    store = MemoryStore(clock)
    await store.commit(STRANGER, record, 60.0, new=True)
    browser = await open_shop(store)
    browser.cookie = STRANGER
    assert (await browser.get("/whoami")).outcome == "unknown"


@pytest.mark.parametrize("on_unknown", list(ON_UNKNOWN))
@pytest.mark.parametrize("why", ["unknown", "expired", "revoked"])
async def test_what_happens_to_a_cookie_that_is_not_known(
    open_shop: Open, clock: Clock, on_unknown: str, why: str
) -> None:
    browser = await open_shop(on_unknown=on_unknown, idle_timeout=100.0)
    await make(browser, clock, why)
    sent = browser.cookie
    answer = await browser.get("/cart")
    assert (answer.status, answer.outcome, answer.page["user"]) == (401, why, None)
    if on_unknown == "keep":
        assert browser.cookie == sent
    elif on_unknown == "clear":
        assert browser.cookie is None
    else:
        assert browser.cookie not in (None, sent)
        again = await browser.get("/cart")
        assert (again.status, again.outcome, again.page["message"]) == (401, "hit", "please log in")
        assert (await browser.log_in()).outcome == "hit"
        assert (await browser.get("/cart")).status == 200


async def make(browser: Browser, clock: Clock, why: str) -> None:
    await browser.log_in()
    if why == "unknown":
        browser.cookie = STRANGER
    elif why == "expired":
        clock.now += 101
    else:
        sent = browser.cookie
        await browser.post("/logout")
        browser.cookie = sent


@pytest.mark.parametrize("on_unknown", list(ON_UNKNOWN))
async def test_an_unknown_id_at_login_becomes_one_new_session(open_shop: Open, clock: Clock, on_unknown: str) -> None:
    store = MemoryStore(clock)
    browser = await open_shop(store, on_unknown=on_unknown)
    browser.cookie = STRANGER
    answer = await browser.log_in()
    assert (answer.status, answer.outcome, len(answer.headers.getall("Set-Cookie"))) == (200, "unknown", 1)
    assert await store.count("sess_") == 1


async def test_a_slow_request_does_not_bring_a_session_back(open_shop: Open, clock: Clock) -> None:
    """A request that began before the logout ends after it, and saves."""
    store = MeddlingStore(clock)
    browser = await open_shop(store)
    await browser.log_in()
    sent, store.meddle = browser.cookie, True
    await browser.post("/cart", {"item": "rope"})
    browser.cookie = sent
    assert (await browser.get("/whoami")).page["user"] is None


class MeddlingStore(MemoryStore):
    meddle = False

    async def commit(self, id: str, data: bytes, ttl: float, *, new: bool) -> None:
        if self.meddle:
            await self.delete(id)
        await super().commit(id, data, ttl, new=new)


async def test_two_servers_with_memory_and_with_a_shared_store(open_shop: Open, clock: Clock) -> None:
    for shared in (False, True):
        store: Any = MemoryStore(clock)
        one, two = await open_shop(store), await open_shop(store if shared else None)
        await one.log_in()
        two.cookie = one.cookie
        assert (await two.get("/cart")).outcome == ("hit" if shared else "unknown")
