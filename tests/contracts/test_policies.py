"""What every policy keeps, and what each one promises beyond that."""

import math
from collections import Counter
from collections.abc import Iterable
from random import Random

import pytest

from balancer.http1 import Request
from balancer.policies import POLICIES, by_address
from balancer.policies.base import Policy, PolicyOptions
from balancer.policies.sticky_options import StickyOptions
from balancer.pool import Backend, Pick, Pool

HASHED = ("ip_hash", "rendezvous")
VARIANTS = {
    **{name: (name, StickyOptions()) for name in POLICIES},
    "sticky hard": ("sticky_cookie", StickyOptions(mode="hard")),
    "sticky with an age": ("sticky_cookie", StickyOptions(max_age=60)),
    **{
        f"sticky, else {name}": ("sticky_cookie", StickyOptions(fallback=name))
        for name in POLICIES
        if name != "sticky_cookie"
    },
}
"""Every policy, and sticky_cookie in each of its modes: what it is made of."""


def pool_of(*weights: int) -> Pool:
    return Pool(Backend(f"server-{n}", "10.9.8.7", 8000 + n, weight) for n, weight in enumerate(weights, 1))


def make(variant: str, seed: int = 1) -> Policy:
    name, sticky = VARIANTS[variant]
    return POLICIES[name](PolicyOptions(Random(seed), b"secret", sticky=sticky))


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


@pytest.mark.parametrize("name", VARIANTS)
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


@pytest.mark.parametrize("name", HASHED)
class TestMovedByAddress:
    def test_each_client_that_changes_servers_is_counted_once(self, name: str) -> None:
        pool, policy, everybody = pool_of(*[1] * 10), make(name), visitors(1000)
        before = [pick(policy, pool, one) for one in everybody]
        assert {found.moved for found in before} == {None}
        pool.remove(pool.backends[4])
        after = [pick(policy, pool, one) for one in everybody]
        for one, other in zip(before, after, strict=True):
            assert other.moved == (None if one.backend is other.backend else "rehashed")
        assert {pick(policy, pool, one).moved for one in everybody} == {None}

    def test_nobody_moves_when_nothing_changes_for_them(self, name: str) -> None:
        """A renewed list of the same servers, a server that came and went in between, or one by the same name."""
        pool, policy, everybody = pool_of(1, 1, 1), make(name), visitors(100)
        picked(policy, pool, everybody)
        pool.changed()
        assert {pick(policy, pool, one).moved for one in everybody} == {None}
        passing = Backend("passing", "10.9.8.7", 9000)
        pool.add(passing)
        picked(policy, pool, visitors(1))
        pool.remove(passing)
        assert {pick(policy, pool, one).moved for one in everybody[1:]} == {None}
        last = pool.backends[-1]
        pool.remove(last)
        pool.add(Backend(last.name, "10.9.8.7", 9001))
        assert {pick(policy, pool, one).moved for one in everybody[1:]} == {None}

    def test_a_second_attempt_moves_nobody(self, name: str) -> None:
        pool, policy, everybody = pool_of(1, 1, 1), make(name), visitors(100)
        for one in everybody:
            home = pick(policy, pool, one)
            other = policy.pick(pool.available.without((home.backend,)), one)
            assert other is not None
            assert other.moved is None
        assert {pick(policy, pool, one).moved for one in everybody} == {None}

    def test_addresses_beyond_number_are_forgotten(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(by_address, "MOST_CLIENTS", 100)
        pool, policy, everybody = pool_of(1, 1), make(name), visitors(1000)
        picked(policy, pool, everybody)
        pool.remove(pool.backends[0])
        moved = [pick(policy, pool, one).moved for one in everybody]
        assert set(moved[:900]) == {None}
        assert 10 < moved[900:].count("rehashed") < 90
        assert sum(len(each) for each in (policy._homes, policy._before)) <= 200


class TestSlowStart:
    """A pool with a slow start of 100 s: a step each 10 s."""

    def pool_with_one_back(self, *weights: int) -> Pool:
        pool = Pool(pool_of(*weights).backends, slow_start=100.0)
        pool.sweep(1000.0)
        pool.came_up(pool.backends[0])
        pool.changed()
        return pool

    @pytest.mark.parametrize("name", [name for name in VARIANTS if not name.endswith(HASHED)])
    @pytest.mark.parametrize(("after", "share"), [(0, 0.1), (9.9, 0.1), (10, 0.2), (45, 0.5), (90, 1.0), (1e6, 1.0)])
    def test_the_share_grows_by_steps(self, name: str, after: float, share: float) -> None:
        """Where nobody is busy, as much as its weight says at this moment."""
        pool = self.pool_with_one_back(1, 1, 2)
        pool.sweep(1000.0 + after)
        counts = Counter(picked(make(name), pool, visitors(3300)))
        expected = share / (share + 3)
        assert abs(counts["server-1"] / 3300 - expected) < 5 * math.sqrt(expected / 3300), counts

    @pytest.mark.parametrize(("name", "most"), [("least_busy", 1), ("two_choices", 2), ("round_robin", 1)])
    def test_a_server_that_returns_idle_among_busy_ones_is_not_run_over(self, name: str, most: int) -> None:
        """`most` times its share of this moment; two_choices asks two, so it may come up twice as often."""
        pool, policy = self.pool_with_one_back(1, 1, 1, 1), make(name)
        for backend in pool.backends[1:]:
            backend.in_flight = 50
        counts = Counter(picked(policy, pool, visitors(3100)))
        assert counts["server-1"] <= most * 1.3 * 3100 / 31
        pool.sweep(1100.0)
        assert Counter(picked(policy, pool, visitors(3100)))["server-1"] >= 3100 / 4

    @pytest.mark.parametrize("name", HASHED)
    def test_addresses_are_at_home_at_once(self, name: str) -> None:
        """A share that grows would move clients at every step."""
        pool, settled = self.pool_with_one_back(1, 1, 2), pool_of(1, 1, 2)
        assert picked(make(name), pool, visitors(100)) == picked(make(name), settled, visitors(100))

    @pytest.mark.parametrize("name", VARIANTS)
    def test_when_all_come_back_together_each_has_its_share_at_once(self, name: str) -> None:
        pool = self.pool_with_one_back(1, 1)
        pool.came_up(pool.backends[1])
        pool.changed()
        drawn_evenly(Counter(picked(make(name), pool, visitors(1000))), {"server-1": 1, "server-2": 1})

    def test_a_pool_without_a_slow_start_has_none(self) -> None:
        pool = pool_of(1, 1)
        pool.came_up(pool.backends[0])
        pool.changed()
        assert pool.available.slots == tuple(pool.backends)

    def test_many_heavy_servers_need_no_endless_round(self) -> None:
        pool = Pool(pool_of(*range(157, 257)).backends, slow_start=10.0)
        pool.came_up(pool.backends[0])
        pool.changed()
        turns = Counter(backend.name for backend in pool.available.slots)
        assert turns["server-1"] == 15
        assert turns["server-100"] == 256
