"""Sticky users: who stays, who is moved and why, and what their cookie looks like."""

import itertools
import re
from collections.abc import Callable
from random import Random

import pytest

from balancer.http1 import Request
from balancer.policies import POLICIES, sticky_cookie
from balancer.policies.affinity import PERIODS, AffinityCookie
from balancer.policies.base import Policy, PolicyOptions
from balancer.policies.sticky_options import StickyOptions
from balancer.pool import Backend, Pick, Pool
from balancer.settings.config import BalancerConfig
from balancer.settings.problems import ConfigError
from tests.balancer.conftest import Start
from tests.balancer.rig import OUR_TIME, Rig, Server, get

_ADDRESSES = itertools.count()


def request(cookie: bytes = b"") -> Request:
    raw = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    client = f"10.0.0.{next(_ADDRESSES) % 250}"
    return Request(raw=raw, method=b"GET", target=b"/", host=b"a", kept=raw[:-2], client=client, cookie=cookie)


def pool_of(count: int, renew: float = 0.0) -> Pool:
    return Pool((Backend(f"server-{n}", "10.9.8.7", 8000 + n) for n in range(1, count + 1)), renew=renew)


def sticky(secret: bytes = b"secret", clock: Callable[[], float] = lambda: 0.0, **options: object) -> Policy:
    return POLICIES["sticky_cookie"](PolicyOptions(Random(1), secret, clock, StickyOptions(**options)))


def pick(policy: Policy, pool: Pool, cookie: bytes = b"") -> Pick:
    found = policy.pick(pool.available, request(cookie))
    assert found is not None
    return found


def cookie_for(policy: Policy, pool: Pool, name: str) -> bytes:
    """What a user of this server sends."""
    for _ in range(100):
        found = pick(policy, pool)
        if found.backend.name == name:
            return cookie_of(found)
    raise AssertionError(name)


def cookie_of(found: Pick) -> bytes:
    assert found.set_cookie is not None
    return found.set_cookie.split(b";")[0]


@pytest.fixture
def pool() -> Pool:
    return pool_of(3)


@pytest.mark.parametrize("options", [{}, {"mode": "hard"}, {"max_age": 60}, {"fallback": "rendezvous"}])
def test_users_stay(pool: Pool, options: dict[str, object]) -> None:
    policy = sticky(**options)
    cookie = cookie_for(policy, pool, "server-2")
    for sent in (cookie, b"a=b; " + cookie, cookie + b"; c=d", b"a=b;" + cookie):
        assert pick(policy, pool, sent) == Pick(pool.backends[1])


def test_a_stale_cookie_of_our_name_before_the_valid_one_moves_nobody(pool: Pool) -> None:
    policy, foreign = sticky(max_age=60), sticky(b"another secret", max_age=60)
    cookie, theirs = cookie_for(policy, pool, "server-2"), cookie_for(foreign, pool, "server-1")
    pool.backends[2].healthy = False
    down = cookie_for(policy, pool_of(3), "server-3")
    pool.changed()
    for first in (b"lab_server=stale", b"lab_server=", theirs, down):
        for sent in (first + b"; " + cookie, first + b"; a=b; " + theirs + b"; " + cookie):
            assert [pick(policy, pool, sent) for _ in range(3)] == [Pick(pool.backends[1])] * 3
    assert pick(policy, pool, down + b"; lab_server=stale").moved == "down"
    assert pick(policy, pool, b"lab_server=stale; " + down).moved == "down"
    hard = sticky(mode="hard")
    down_too = cookie_for(hard, pool_of(3), "server-3")
    assert (
        hard.pick(pool.available, request(b"lab_server=stale; " + down_too)) is None
    )  # it may come back, and knows this user
    many = b"lab_server=stale; " * sticky_cookie.MOST_NAMESAKES
    assert pick(policy, pool, many + cookie).moved == "bad_cookie"


def test_a_user_who_comes_back_costs_one_look_at_the_whole_field(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = sticky()
    cookie = cookie_for(policy, pool, "server-2")
    found = pick(policy, pool, cookie)
    with monkeypatch.context() as patch:
        patch.setattr(policy, "_find", None)  # it cannot be searched
        assert pick(policy, pool, cookie) is found
    pool.backends[1].healthy = False
    pool.changed()
    assert pick(policy, pool, cookie).moved == "down"


def test_not_more_users_are_known_than_there_is_room_for(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sticky_cookie, "MOST_USERS", 4)
    policy = sticky()
    cookie = cookie_for(policy, pool, "server-2")
    for n in range(10):
        assert pick(policy, pool, cookie + b"; user=%d" % n).backend.name == "server-2"
        assert 0 < len(policy._users) <= 4
    before = len(policy._users)
    assert pick(policy, pool, cookie + b"; long=" + b"x" * sticky_cookie.LONGEST).backend.name == "server-2"
    assert len(policy._users) == before


def test_who_is_left_is_worked_out_once(pool: Pool) -> None:
    one, other, _ = pool.backends
    left = pool.available.without((one, other))
    assert left.new == (pool.backends[2],)
    assert pool.available.without((other, one)) is left
    assert pool.available.without((one,)).new == (other, pool.backends[2])
    pool.backends[2].healthy = False
    pool.changed()
    assert pool.available.without((one, other)).new == ()


def test_the_cookie_tells_nobody_an_address(pool: Pool) -> None:
    found, other = pick(sticky(), pool), pick(sticky(b"another secret"), pool)
    assert found.set_cookie is not None
    assert re.fullmatch(rb"lab_server=[0-9a-f]{32}; Path=/; HttpOnly; SameSite=Lax", found.set_cookie)
    assert other.backend is found.backend
    assert other.set_cookie != found.set_cookie


def test_the_cookie_looks_as_it_is_told(pool: Pool) -> None:
    policy = sticky(cookie_name="home", cookie_attributes="Secure; SameSite=None ;Path=/shop", max_age=3600)
    found = pick(policy, pool)
    assert found.set_cookie is not None
    assert re.fullmatch(rb"home=[0-9a-f]{48}; Secure; SameSite=None; Path=/shop; Max-Age=3600", found.set_cookie)
    bare = pick(sticky(cookie_attributes=""), pool)
    assert bare.set_cookie is not None
    assert re.fullmatch(rb"lab_server=[0-9a-f]{32}", bare.set_cookie)


def test_another_cookie_that_ends_alike_is_not_ours(pool: Pool) -> None:
    policy = sticky()
    cookie = cookie_for(policy, pool, "server-2")
    assert pick(policy, pool, b"not_" + cookie).set_cookie is not None
    assert pick(policy, pool, b"not_" + cookie + b";" + cookie).set_cookie is None


# Moved, and why

CHANGES = {
    "down": "down",
    "removed": "gone",
    "drained and removed": "drained",
    "drained with redispatch": "drained",
    "drained with redispatch, down": "drained",
    "forged": "bad_cookie",
    "from another balancer": "bad_cookie",
    "cut short": "bad_cookie",
}


def change(pool: Pool, home: Backend, what: str) -> None:
    home.healthy = "down" not in what
    home.draining = "drained" in what
    home.leaving = "redispatch" in what
    pool.changed()
    if "removed" in what:
        pool.remove(home)


@pytest.mark.parametrize("mode", ["soft", "hard"])
@pytest.mark.parametrize("what", CHANGES)
def test_users_are_moved_with_a_reason(pool: Pool, what: str, mode: str) -> None:
    policy = sticky(mode=mode)
    cookie, home = cookie_for(policy, pool, "server-2"), pool.backends[1]
    change(pool, home, what)
    if what == "forged":
        cookie = cookie[:-32] + b"0" * 32
    elif what == "from another balancer":
        cookie = cookie_for(sticky(b"another secret"), pool, "server-2")
    elif what == "cut short":
        cookie = cookie[:-1]
    if mode == "hard" and what == "down":
        assert policy.pick(pool.available, request(cookie)) is None
        return
    found = pick(policy, pool, cookie)
    assert found.moved == CHANGES[what]
    assert pick(policy, pool, cookie_of(found)) == Pick(found.backend), "the new cookie brings its user back"


def test_a_server_that_has_just_failed_this_request_loses_its_user(pool: Pool) -> None:
    policy = sticky()
    cookie, home = cookie_for(policy, pool, "server-2"), pool.backends[1]
    found = policy.pick(pool.available.without((home,)), request(cookie))
    assert found is not None
    assert (found.moved, found.backend is home) == ("failed", False)
    assert pick(policy, pool, cookie).backend is home
    assert sticky(mode="hard").pick(pool.available.without((home,)), request(cookie)) is None


def test_a_draining_server_keeps_its_users_and_gets_no_new_ones(pool: Pool) -> None:
    policy = sticky()
    cookie = cookie_for(policy, pool, "server-2")
    change(pool, pool.backends[1], "drained")
    assert pick(policy, pool, cookie) == Pick(pool.backends[1])
    assert "server-2" not in {pick(policy, pool).backend.name for _ in range(20)}


def test_nobody_is_sent_away_while_there_is_nowhere_to_go(pool: Pool) -> None:
    policy = sticky()
    cookie = cookie_for(policy, pool, "server-2")
    for backend in pool.backends:
        change(pool, backend, "drained with redispatch")
    assert pick(policy, pool, cookie) == Pick(pool.backends[1])
    assert policy.pick(pool.available, request()) is None, "a new user"
    change(pool, pool.backends[0], "")
    assert (pick(policy, pool, cookie).backend.name, pick(policy, pool, cookie).moved) == ("server-1", "drained")


def test_a_server_that_comes_back_by_its_name_has_its_users_again(pool: Pool) -> None:
    policy = sticky()
    cookie = cookie_for(policy, pool, "server-2")
    pool.remove(pool.backends[1])
    pool.add(Backend("server-2", "10.9.8.7", 9999))
    assert pick(policy, pool, cookie).backend.port == 9999


# Age

MAX_AGE = 80
"""Seconds: a period is 10 s."""


def test_who_comes_often_is_never_moved_by_age_and_who_stays_away_is() -> None:
    pool = pool_of(3, renew=10.0)
    policy = sticky(clock=lambda: pool.now, max_age=MAX_AGE)
    pool.sweep(1000.0)
    cookie = cookie_for(policy, pool, "server-2")
    renewed = 0
    for n in range(1, 30):
        pool.sweep(1000.0 + n * 30.0)
        found = pick(policy, pool, cookie)
        assert (found.backend.name, found.moved) == ("server-2", None)
        if found.set_cookie is not None:
            cookie, renewed = cookie_of(found), renewed + 1
    assert 10 <= renewed <= 15, "at every second visit: half of its age is over"
    cookie = cookie_for(policy, pool, "server-2")
    pool.sweep(pool.now + MAX_AGE)
    assert pick(policy, pool, cookie).backend.name == "server-2"
    pool.sweep(pool.now + MAX_AGE + 12.0)
    assert pick(policy, pool, cookie).moved == "expired"


def test_balancers_whose_clocks_differ_a_little_know_each_others_users(pool: Pool) -> None:
    fast, slow = sticky(clock=lambda: 1009.0, max_age=MAX_AGE), sticky(clock=lambda: 1000.0, max_age=MAX_AGE)
    for one, other in ((fast, slow), (slow, fast)):
        assert pick(other, pool, cookie_for(one, pool, "server-2")).backend.name == "server-2"
    far_ahead = sticky(clock=lambda: 1000.0 + 2 * MAX_AGE, max_age=MAX_AGE)
    assert pick(slow, pool, cookie_for(far_ahead, pool, "server-2")).moved == "expired"


@pytest.mark.parametrize("old", [0, 1, 60, MAX_AGE, 86400])
@pytest.mark.parametrize("new", [0, 1, 60, MAX_AGE, 86400])
def test_another_max_age_moves_nobody_and_is_told_at_once(pool: Pool, old: int, new: int) -> None:
    """A restart with other settings, or balancers that share a secret and are restarted one after the other."""
    before, after = (sticky(clock=lambda: OUR_TIME, max_age=age) for age in (old, new))
    cookie = cookie_for(before, pool, "server-2")
    found = pick(after, pool, cookie)
    assert (found.backend.name, found.moved) == ("server-2", None)
    assert (found.set_cookie is None) == (old == new), "the browser would drop it when the old age is over"
    if found.set_cookie is not None:
        assert pick(after, pool, cookie_of(found)) == Pick(pool.backends[1])


def test_a_shorter_max_age_breaks_no_promise(pool: Pool) -> None:
    now = OUR_TIME
    before, after = (sticky(clock=lambda: now, max_age=age) for age in (86400, MAX_AGE))
    cookie = cookie_for(before, pool, "server-2")
    now += 80_000
    assert (pick(after, pool, cookie).backend.name, pick(after, pool, cookie).moved) == ("server-2", None)
    now += 86_400
    pool.changed()
    assert pick(after, pool, cookie).moved == "expired"


@pytest.mark.parametrize("max_age", [1, 2, 3, 4, 5, 400 * 86400])
def test_users_stay_for_any_max_age(max_age: int) -> None:
    pool = pool_of(3, renew=max_age / PERIODS)
    policy = sticky(clock=lambda: OUR_TIME + pool.now, max_age=max_age)
    cookie = cookie_for(policy, pool, "server-2")
    for _ in range(60):
        for _ in range(4):
            pool.sweep(pool.now + max_age / 4)
            pick(policy, pool)
        found = pick(policy, pool, cookie)
        assert (found.backend.name, found.moved) == ("server-2", None)
        cookie = cookie_of(found) if found.set_cookie is not None else cookie


@pytest.mark.parametrize("max_age", [0, MAX_AGE])
def test_cookies_whose_stamp_is_of_an_older_form_are_known_and_renewed(pool: Pool, max_age: int) -> None:
    """Its 8 digits counted periods of a length that they did not tell."""
    policy, cookie = sticky(clock=lambda: OUR_TIME, max_age=max_age), AffinityCookie(b"secret", StickyOptions())
    found = pick(policy, pool, b"lab_server=" + cookie._value_of("server-2", b"003ce417"))
    assert (found.backend.name, found.moved) == ("server-2", None)
    assert pick(policy, pool, cookie_of(found)) == Pick(pool.backends[1])


# Through the balancer


async def user_of(rig: Rig, name: str) -> str:
    """The Cookie line of a new user of this server."""
    for _ in range(10):
        answer = await rig.ask()
        if answer.body == name.encode():
            return f"Cookie: {answer['set-cookie'].split(';')[0]}"
    raise AssertionError(name)


async def test_ages_are_by_the_balancers_own_wall_clock(start: Start) -> None:
    rig = await start(Server(), policy="sticky_cookie", sticky_max_age=8 * 60)
    value = (await rig.ask())["set-cookie"].split(";")[0].partition("=")[2]
    assert (int(value[16:24], 16), int(value[24:32], 16)) == (int(OUR_TIME), 8 * 60)


async def test_hard_users_wait_for_their_server(start: Start) -> None:
    rig = await start(Server(name="a"), Server(name="b"), policy="sticky_cookie", sticky="hard")
    cookie = await user_of(rig, "a")
    rig.balancer.set_health(rig.backend("a"), False)
    refused = await rig.ask(get("/", cookie))
    assert (refused.status, refused["retry-after"]) == (503, "1")
    assert (await rig.ask()).body == b"b", "new users are served"
    rig.balancer.set_health(rig.backend("a"), True)
    assert (await rig.ask(get("/", cookie))).body == b"a"
    assert rig.totals()["moved"] == {}


async def test_hard_users_of_a_server_that_refuses_connections_wait(start: Start) -> None:
    rig = await start(Server(name="a"), Server(name="b"), policy="sticky_cookie", sticky="hard", fall=9)
    cookie = await user_of(rig, "a")
    rig.servers["a"].stop_listening()
    rig.balancer.close_idle(rig.backend("a"))
    refused = await rig.ask(get("/", cookie))
    assert (refused.status, refused["retry-after"]) == (503, "1")
    assert len(rig.servers["b"].heard) == len([m for m in rig.servers["b"].heard if "cookie" not in m]), "not moved"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sticky": "firm"}, "--sticky: it is soft or hard"),
        ({"sticky_cookie_name": "lab server"}, "--sticky-cookie-name: a cookie's name is a word"),
        ({"sticky_cookie_name": "session_id"}, "the servers' own cookie"),
        (
            {"sticky_cookie_attributes": "Path=/; Max-Age=3"},
            "--sticky-cookie-attributes: how long the cookie lives is told by sticky-max-age",
        ),
        ({"sticky_cookie_attributes": "Path=/; Path=/a"}, "each once, not 'Path=/a'"),
        ({"sticky_cookie_attributes": "Colour=red"}, "each once, not 'Colour=red'"),
        ({"sticky_cookie_attributes": "Secure=yes"}, "do not take 'Secure=yes'"),
        ({"sticky_cookie_attributes": "Path"}, "do not take 'Path'"),
        ({"sticky_cookie_attributes": "Path=shop"}, "do not take 'Path=shop'"),
        ({"sticky_cookie_attributes": "Domain=a b"}, "do not take"),
        ({"sticky_cookie_attributes": "Path=/\r\nX: y"}, "do not take"),
        ({"sticky_cookie_attributes": "SameSite=Perhaps"}, "do not take"),
        ({"sticky_cookie_attributes": "SameSite=None"}, "take SameSite=None only together with Secure; add it"),
        ({"sticky_cookie_attributes": "Path=/; partitioned"}, "take Partitioned only together with Secure; add it"),
        (
            {"sticky_cookie_attributes": "SameSite=None; Partitioned"},
            "--sticky-cookie-attributes: browsers take SameSite=None and Partitioned only together with Secure; add it",
        ),
        ({"sticky_cookie_name": "__Secure-lab"}, "must be Secure"),
        ({"sticky_cookie_name": "__Host-lab", "sticky_cookie_attributes": "Secure; Path=/a"}, "Path=/ and no Domain"),
        ({"sticky_max_age": 400 * 86400 + 1}, "400 days"),
        ({"sticky_max_age": -1}, "--sticky-max-age"),
        ({"sticky_fallback": "round_robbin"}, "did you mean round_robin"),
        ({"sticky_fallback": "sticky_cookie"}, "any policy but sticky_cookie"),
        ({"slow_start": -1.0}, "--slow-start: must be"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)) as told:
        BalancerConfig(**options)
    assert "\n" not in str(told.value)


def test_options_that_do() -> None:
    BalancerConfig(sticky_cookie_name="__Host-lab", sticky_cookie_attributes="Secure; Path=/; SameSite=None")
    BalancerConfig(sticky_cookie_attributes="", sticky_max_age=0, slow_start=0.0, sticky="hard")
    BalancerConfig(sticky_cookie_attributes="Domain=shop.example; Secure; Partitioned", sticky_fallback="least_busy")
