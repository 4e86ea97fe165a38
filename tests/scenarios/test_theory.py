"""The laws of requests that are spread over logbooks, against simulations that know nothing of the formulas."""

import heapq
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.policies import POLICIES
from balancer.pool import Backend
from scenarios import theory
from tests.scenarios.measured import assert_mean, assert_share
from tests.scenarios.picking import picker, pool_of


@pytest.mark.parametrize("servers", [1, 2, 3, 5, 10])
def test_keep_law_is_what_random_routing_gives(servers: int) -> None:
    rng = random.Random(servers)
    home, strange, requests = rng.randrange(servers), 0, 20_000
    for _ in range(requests):
        strange += rng.randrange(servers) != home
    assert_share(theory.keep_law(servers), strange, requests, 1 - 1 / (servers + 1), 1 - 0.9 / servers)


def visit(rng: random.Random, servers: int, views: int, on_unknown: str) -> Counter[str]:
    """A login and V views by one browser, on servers that know the IDs they have issued."""
    issued: dict[int, int] = {}
    member = 0
    issued[member] = rng.randrange(servers)
    cookie: int | None = member
    seen: Counter[str] = Counter()
    for _ in range(views):
        server = rng.randrange(servers)
        known = cookie is not None and issued[cookie] == server
        seen["with_session"] += cookie is not None
        seen["logged_out"] += cookie is not None and not known
        seen["strange"] += not (known and cookie == member)
        if not known and on_unknown == "clear":
            cookie = None
        if not known and on_unknown == "replace":
            cookie = len(issued)
            issued[cookie] = server
    return seen


@pytest.mark.parametrize("on_unknown", ["keep", "clear", "replace"])
@pytest.mark.parametrize(("servers", "views"), [(1, 5), (2, 1), (2, 4), (3, 8), (10, 5)])
def test_what_a_user_meets_and_what_is_counted(servers: int, views: int, on_unknown: str) -> None:
    rng = random.Random(f"{servers} {views} {on_unknown}")
    visits = [visit(rng, servers, views, on_unknown) for _ in range(8000)]
    keeps, replaces = theory.keep_law(servers), theory.replace_law(servers, views)
    law, other = (keeps, replaces) if on_unknown == "keep" else (replaces, keeps)
    differ = servers > 1 and views > 1
    assert_mean(law, [seen["strange"] / views for seen in visits], *[other] * differ)
    with_id = theory.views_with_id(servers, views, on_unknown)
    shorter = theory.views_with_id(servers, views + 1, "clear")
    assert_mean(with_id, [seen["with_session"] / views for seen in visits], *[shorter] * (servers > 1))
    total = sum(visits, Counter[str]())
    rate = theory.steady_rate(servers, "memory", "random", on_unknown)
    assert_share(rate, total["logged_out"], total["with_session"], *[law] * (differ and on_unknown != "keep"))


@pytest.mark.parametrize("weights", [(1, 1, 1), (3, 1), (5, 2, 1, 1), (1, 9)])
@pytest.mark.parametrize("policy", ["random", "round_robin"])
def test_weights_bring_users_home_by_the_sum_of_squares(weights: tuple[int, ...], policy: str) -> None:
    """The balancer's own policies; between two requests of ours come those of an unpredictable number of others."""
    rng, pick = random.Random(7), picker(policy, pool_of(*weights))
    strange, requests = 0, 8000
    for _ in range(requests):
        ours = []
        for _ in range(2):
            for _ in range(rng.randrange(20 * sum(weights)) if policy == "round_robin" else 0):
                pick()
            ours.append(pick())
        strange += ours[0] is not ours[1]
    equal = theory.keep_law(len(weights))
    assert_share(theory.weighted_keep_law(weights), strange, requests, *[equal] * (len(set(weights)) > 1))


@pytest.mark.parametrize("servers", [2, 3, 5])
@pytest.mark.parametrize("busy", ["the others", "the home", "nobody"])
def test_two_choices_reaches_its_bounds_and_not_more(servers: int, busy: str) -> None:
    pool = pool_of(*[1] * servers)
    home = pool.backends[0]
    for backend in pool.backends:
        backend.in_flight = int({"the others": backend is not home, "the home": backend is home, "nobody": False}[busy])
    pick, requests = picker("two_choices", pool), 40_000
    strange = sum(pick() is not home for _ in range(requests))
    low, high = theory.two_choices_bounds(servers)
    laws = {"the others": low, "the home": high, "nobody": theory.keep_law(servers)}
    law = laws.pop(busy)
    assert_share(law, strange, requests, *laws.values())


def closed_loop(policy: str, servers: int, users: int, think: float, requests: int, seed: int) -> float:
    """Logout rate of K users who think for `think` mean service times between an answer and the next request."""
    rng, pool = random.Random(seed), pool_of(*[1] * servers)
    pick = picker(policy, pool, seed)
    homes: list[Backend | None] = [None] * users
    agenda = [(0.0, user, False) for user in range(users)]  # when, who, whether an answer comes
    at: dict[int, Backend] = {}
    strange = asked = 0
    while asked < requests:
        now, user, answered = heapq.heappop(agenda)
        if answered:
            at[user].in_flight -= 1
            heapq.heappush(agenda, (now + (rng.expovariate(1 / think) if think else 0.0), user, False))
            continue
        at[user] = server = pick()
        server.in_flight += 1
        heapq.heappush(agenda, (now + rng.expovariate(1), user, True))
        if homes[user] is None:
            homes[user] = server
        else:
            asked += 1
            strange += server is not homes[user]
    return strange / asked


def test_two_choices_stays_within_its_bounds_under_load() -> None:
    low, high = theory.two_choices_bounds(4)
    for think in (0.0, 1.0, 10.0):
        assert low < closed_loop("two_choices", 4, 8, think, 20_000, seed=1) < high


def test_least_busy_has_no_law_under_load() -> None:
    """The same users and servers read nothing at all, or nearly `keep_law`, by how long users think."""
    assert closed_loop("least_busy", 4, 4, 0.0, 4000, seed=1) == 0, "each is sent where their last answer came from"
    assert closed_loop("least_busy", 4, 8, 100.0, 20_000, seed=1) == pytest.approx(theory.keep_law(4), abs=0.02)


def test_the_figures_of_the_story() -> None:
    assert theory.keep_law(1) == 0
    assert theory.keep_law(5) == pytest.approx(0.8)
    assert theory.keep_law(10) == pytest.approx(0.9)
    assert theory.replace_law(1, 7) == pytest.approx(0)
    assert theory.replace_law(2, 2) == pytest.approx(1 - (0.5 + 0.25) / 2)
    assert theory.views_with_id(2, 2, "clear") == pytest.approx((1 + 0.5) / 2)
    assert theory.weighted_keep_law([3, 1]) == pytest.approx(1 - 10 / 16)
    assert theory.two_choices_bounds(1) == (0, 0)


@given(servers=st.integers(2, 100))
def test_tries_until_known_is_the_smallest_number_that_suffices(servers: int) -> None:
    tries = theory.tries_until_known(servers, miss=0.01)
    assert (1 - 1 / servers) ** tries <= 0.01 < (1 - 1 / servers) ** (tries - 1)


@pytest.mark.parametrize(
    ("law", "words"),
    [
        (lambda: theory.keep_law(0), "servers must be at least 1, not 0"),
        (lambda: theory.lost_with_server(0), "servers must be at least 1"),
        (lambda: theory.tries_until_known(0), "servers must be at least 1"),
        (lambda: theory.tries_until_known(3, 0), "no number of tries"),
        (lambda: theory.replace_law(3, 0), "views must be at least 1"),
        (lambda: theory.views_with_id(3, 3, "kepe"), "keep, clear or replace"),
        (lambda: theory.weighted_keep_law([]), "weights"),
        (lambda: theory.weighted_keep_law([-1, 2]), "weights"),
        (lambda: theory.lockstep_round_robin(3, 3, 1), "steps must be at least 2"),
        (lambda: theory.moved_by_weights([1], [1, 1]), "same servers"),
        (lambda: theory.rate_until_login(1.5, 1, 1), "share from 0 to 1"),
        (lambda: theory.survives_deploy(-1, 3), "number of seconds"),
        (lambda: theory.outage_share(3, 2), "within its window"),
        (lambda: theory.tickets_a_day(1, float("nan"), 1, 0.5), "visits"),
        (lambda: theory.steady_rate(3, "memory", "round-robin"), "no policy is called 'round-robin'"),
        (lambda: theory.steady_rate(3, "memory", "random", "kepe"), "keep, clear or replace"),
    ],
)
def test_what_means_nothing_is_refused_in_words(law, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=words):
        law()


@pytest.mark.parametrize(
    ("servers", "store", "policy", "rate"),
    [
        (10, "memory", "round_robin", 0.9),
        (4, "memory", "random", 0.75),
        (10, "memory", "sticky_cookie", 0.0),
        (10, "redis", "round_robin", 0.0),
        (10, "sqlite", "random", 0.0),
        (10, "postgres", "least_busy", 0.0),
        (1, "memory", "round_robin", 0.0),
    ],
)
def test_what_a_cluster_settles_at(servers: int, store: str, policy: str, rate: float) -> None:
    assert theory.steady_rate(servers, store, policy) == pytest.approx(rate)


def test_every_policy_has_a_steady_rate_and_says_when_it_holds() -> None:
    assert theory.HOLDS_WHEN.keys() == POLICIES.keys()
    assert theory.SPREADING.issubset(POLICIES)


def test_the_table_has_every_law() -> None:
    laws = {name for name in theory.__all__ if name.islower()} - {"steady_rate", "round_robin_law"}  # read off others
    assert {law.function.__name__ for law in theory.LAWS.values()} == laws
    assert all(law.function.__doc__ and "Source" in law.function.__doc__ for law in theory.LAWS.values())
