"""What every policy keeps, and what each one promises beyond that."""

import math
import re
from collections import Counter
from collections.abc import Iterable
from random import Random

import pytest

from balancer.http1 import Request
from balancer.policies import POLICIES
from balancer.policies.base import Policy
from balancer.policies.sticky_cookie import NAME
from balancer.pool import Backend, Pick, Pool

HASHED = ("ip_hash", "rendezvous")


def pool_of(*weights: int) -> Pool:
    return Pool(Backend(f"server-{n}", "10.9.8.7", 8000 + n, weight) for n, weight in enumerate(weights, 1))


def make(name: str, seed: int = 1) -> Policy:
    return POLICIES[name](Random(seed), b"secret")


def request(client: str = "127.0.0.1", cookie: bytes = b"") -> Request:
    raw = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    return Request(raw=raw, method=b"GET", target=b"/", host=b"a", kept=raw[:-2], client=client, cookie=cookie)


def visitors(count: int) -> list[Request]:
    return [request(f"10.0.{n // 250}.{n % 250}") for n in range(count)]


def picked(policy: Policy, pool: Pool, requests: Iterable[Request]) -> list[str]:
    return [pick(policy, pool, one).backend.name for one in requests]


def pick(policy: Policy, pool: Pool, one: Request) -> Pick:
    found = policy.pick(pool.available, one)
    assert found is not None
    return found


def drawn_evenly(counts: Counter[str], weights: dict[str, int]) -> None:
    """Within five standard deviations of what the weights say: it fails by chance once in a million seeds."""
    total, all_weights = sum(counts.values()), sum(weights.values())
    for name, weight in weights.items():
        share = weight / all_weights
        assert abs(counts[name] - total * share) < 5 * math.sqrt(total * share * (1 - share)), counts


@pytest.mark.parametrize("name", POLICIES)
class TestEveryPolicy:
    def test_nobody_left(self, name: str) -> None:
        pool = pool_of(1, 1)
        for backend in pool.backends:
            backend.healthy = False
        pool.changed()
        assert make(name).pick(pool.available, request()) is None
        assert make(name).pick(Pool().available, request()) is None

    def test_new_users_go_only_to_healthy_backends_that_are_not_draining(self, name: str) -> None:
        pool = pool_of(1, 2, 3, 1)
        pool.backends[1].healthy = False
        pool.backends[2].draining = True
        pool.changed()
        assert set(picked(make(name), pool, visitors(200))) == {"server-1", "server-4"}

    def test_who_was_tried_is_not_picked_again(self, name: str) -> None:
        pool, policy = pool_of(1, 1, 1), make(name)
        for one in visitors(50):
            first = pick(policy, pool, one).backend
            second = policy.pick(pool.available.without((first,)), one)
            assert second is not None
            assert second.backend is not first
            third = policy.pick(pool.available.without((first, second.backend)), one)
            assert third is not None
            assert {first, second.backend, third.backend} == set(pool.backends)
            assert policy.pick(pool.available.without(pool.backends), one) is None

    def test_the_same_seed_gives_the_same_picks(self, name: str) -> None:
        runs = [picked(make(name, seed=5), pool_of(1, 2, 3), visitors(100)) for _ in range(2)]
        assert runs[0] == runs[1]

    def test_weights_are_honoured(self, name: str) -> None:
        pool, policy = pool_of(1, 3, 6), make(name)
        counts: Counter[str] = Counter()
        for one in visitors(3000):
            backend = pick(policy, pool, one).backend
            counts[backend.name] += 1
            backend.in_flight += 1  # for the policies that look at it: everybody stays for ever
        drawn_evenly(counts, {"server-1": 1, "server-2": 3, "server-3": 6})

    def test_what_comes_and_goes_is_noticed(self, name: str) -> None:
        pool, policy = pool_of(1, 1), make(name)
        picked(policy, pool, visitors(20))
        pool.add(Backend("new", "10.9.8.7", 9000))
        assert "new" in picked(policy, pool, visitors(100))
        pool.remove(pool.backends[0])
        assert "server-1" not in picked(policy, pool, visitors(100))


def test_round_robin_is_strict() -> None:
    assert picked(make("round_robin"), pool_of(1, 1, 1), visitors(7)) == [f"server-{n}" for n in (1, 2, 3, 1, 2, 3, 1)]


def test_round_robin_spreads_weights_evenly() -> None:
    turns = picked(make("round_robin"), pool_of(2, 4), visitors(60))
    for start in range(0, 60, 6):
        assert Counter(turns[start : start + 6]) == {"server-1": 2, "server-2": 4}
    assert "server-1 server-1" not in " ".join(turns)


def test_a_retry_does_not_disturb_the_turns() -> None:
    """Everybody's share stays even, although one server fails every time it is picked."""
    pool, policy = pool_of(1, 1, 1), make("round_robin")
    counts: Counter[str] = Counter()
    for one in visitors(300):
        backend = pick(policy, pool, one).backend
        if backend.name == "server-1":
            again = policy.pick(pool.available.without((backend,)), one)
            assert again is not None
            backend = again.backend
        counts[backend.name] += 1
    assert counts["server-1"] == 0
    assert min(counts["server-2"], counts["server-3"]) > 90


def test_random_is_even() -> None:
    counts = Counter(picked(make("random"), pool_of(1, 1, 1, 1), visitors(4000)))
    drawn_evenly(counts, dict.fromkeys(counts, 1))


def test_least_busy_picks_the_least_busy_for_its_weight() -> None:
    pool = pool_of(1, 1, 4)
    for backend, busy in zip(pool.backends, (2, 1, 3), strict=True):
        backend.in_flight = busy
    assert set(picked(make("least_busy"), pool, visitors(10))) == {"server-3"}


def test_least_busy_takes_turns_among_equals() -> None:
    assert Counter(picked(make("least_busy"), pool_of(1, 1, 1), visitors(30))) == {f"server-{n}": 10 for n in (1, 2, 3)}


def test_two_choices_avoids_the_busiest() -> None:
    """It is picked only when both draws are it: once in n^2."""
    pool = pool_of(1, 1, 1, 1)
    pool.backends[0].in_flight = 9
    counts = Counter(picked(make("two_choices"), pool, visitors(4000)))
    assert 150 < counts["server-1"] < 350


@pytest.mark.parametrize("name", HASHED)
def test_an_address_has_one_server(name: str) -> None:
    pool, everybody = pool_of(1, 1, 1), visitors(300)
    assert picked(make(name), pool, everybody) == picked(make(name), pool, everybody)
    assert len(set(picked(make(name), pool, everybody))) == 3


def moved_by_removing_one_of_ten(name: str) -> tuple[int, int]:
    """(users who were on the removed server, users who are elsewhere than before)"""
    pool, policy, everybody = pool_of(*[1] * 10), make(name), visitors(1000)
    before = picked(policy, pool, everybody)
    pool.remove(pool.backends[4])
    after = picked(policy, pool, everybody)
    return before.count("server-5"), sum(one != other for one, other in zip(before, after, strict=True))


def test_rendezvous_moves_only_the_users_of_a_server_that_goes() -> None:
    there, moved = moved_by_removing_one_of_ten("rendezvous")
    assert moved == there > 0


def test_ip_hash_moves_nearly_everybody() -> None:
    """1 - 1/10 of all users: an address stays only when its hash happens to agree modulo ten and modulo nine."""
    _, moved = moved_by_removing_one_of_ten("ip_hash")
    assert 850 < moved < 950


class TestStickyCookie:
    @pytest.fixture
    def pool(self) -> Pool:
        return pool_of(1, 1, 1)

    @pytest.fixture
    def policy(self) -> Policy:
        return make("sticky_cookie")

    def cookie_for(self, policy: Policy, pool: Pool, name: str) -> bytes:
        for one in visitors(20):
            found = pick(policy, pool, one)
            if found.backend.name == name:
                assert found.set_cookie is not None
                return found.set_cookie.split(b";")[0]
        raise AssertionError(name)

    def test_users_stay(self, policy: Policy, pool: Pool) -> None:
        cookie = self.cookie_for(policy, pool, "server-2")
        for sent in (cookie, b"a=b; " + cookie, cookie + b"; c=d", b"a=b;" + cookie):
            assert pick(policy, pool, request(cookie=sent)) == Pick(pool.backends[1])

    def test_the_cookie_tells_nobody_an_address(self, policy: Policy, pool: Pool) -> None:
        found = pick(policy, pool, request())
        assert found.set_cookie is not None
        assert re.fullmatch(NAME + rb"=[0-9a-f]{24}; Path=/; HttpOnly; SameSite=Lax", found.set_cookie)
        other = POLICIES["sticky_cookie"](Random(1), b"another secret").pick(pool.available, request())
        assert other is not None
        assert other.backend.name == found.backend.name
        assert other.set_cookie != found.set_cookie

    @pytest.mark.parametrize(
        ("change", "reason"),
        [("down", "down"), ("remove", "gone"), ("drain and remove", "drained"), ("unknown cookie", "gone")],
    )
    def test_users_are_moved_with_a_reason(self, policy: Policy, pool: Pool, change: str, reason: str) -> None:
        cookie, home = self.cookie_for(policy, pool, "server-2"), pool.backends[1]
        home.healthy = change != "down"
        home.draining = "drain" in change
        pool.changed()
        if "remove" in change:
            pool.remove(home)
        if "unknown" in change:
            cookie = NAME + b"=forged"
        found = pick(policy, pool, request(cookie=cookie))
        assert found.moved == reason
        assert found.set_cookie is not None
        moved_to = found.set_cookie.split(b";")[0]
        assert pick(policy, pool, request(cookie=moved_to)) == Pick(found.backend)

    def test_a_server_that_has_just_failed_this_request_loses_its_user(self, policy: Policy, pool: Pool) -> None:
        cookie, home = self.cookie_for(policy, pool, "server-2"), pool.backends[1]
        found = policy.pick(pool.available.without((home,)), request(cookie=cookie))
        assert found is not None
        assert (found.moved, found.backend is home) == ("failed", False)
        assert pick(policy, pool, request(cookie=cookie)).backend is home

    def test_a_draining_server_keeps_its_users_and_gets_no_new_ones(self, policy: Policy, pool: Pool) -> None:
        cookie, home = self.cookie_for(policy, pool, "server-2"), pool.backends[1]
        home.draining = True
        pool.changed()
        assert pick(policy, pool, request(cookie=cookie)) == Pick(home)
        assert "server-2" not in picked(policy, pool, visitors(20))

    def test_a_server_that_comes_back_by_its_name_has_its_users_again(self, policy: Policy, pool: Pool) -> None:
        cookie = self.cookie_for(policy, pool, "server-2")
        pool.remove(pool.backends[1])
        pool.add(Backend("server-2", "10.9.8.7", 9999))
        assert pick(policy, pool, request(cookie=cookie)).backend.port == 9999
