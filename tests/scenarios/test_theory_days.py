"""Checkouts, deploys, tickets and outages, against simulations that know nothing of the formulas."""

import random
from statistics import pvariance

import pytest

from scenarios import theory
from scenarios.felt import WRITES
from tests.scenarios.measured import assert_mean, assert_share

TRIALS = 20_000


@pytest.mark.parametrize(("servers", "views", "tries"), [(1, 5, 1), (2, 3, 1), (3, 2, 1), (5, 3, 4), (2, 0, 1)])
def test_a_checkout_on_spread_logbooks(servers: int, views: int, tries: int) -> None:
    rng, done = random.Random(f"{servers} {views} {tries}"), 0
    for _ in range(TRIALS):
        home = rng.randrange(servers)
        done += all(any(rng.randrange(servers) == home for _ in range(tries)) for _ in range(views))
    law = theory.checkout_survives(servers, views, "memory", "random", tries)
    rivals = (1 - theory.keep_law(servers) ** tries) ** (views + 1)
    assert_share(law, done, TRIALS, *[rivals] * (servers > 1))


@pytest.mark.parametrize(("store", "policy"), [("redis", "random"), ("memory", "sticky_cookie"), ("memory", "ip_hash")])
def test_nothing_befalls_a_checkout_that_is_known_everywhere_or_always_comes_home(store: str, policy: str) -> None:
    assert theory.checkout_survives(10, 8, store, policy) == 1


@pytest.mark.parametrize("migrate", [True, False])
@pytest.mark.parametrize("policy", ["random", "sticky_cookie"])
@pytest.mark.parametrize(("before", "after"), [(0, 3), (1, 2), (2, 0)])
def test_a_switch_in_the_middle_of_a_checkout(before: int, after: int, policy: str, migrate: bool) -> None:
    rng, servers, done = random.Random(9), 3, 0
    for _ in range(TRIALS):
        home = rng.randrange(servers)
        books = [{"ravi"} if server == home else set[str]() for server in range(servers)]
        alive = True
        for view in range(before + after):
            if view == before:
                shared = set[str]().union(*books) if migrate else set[str]()
                books = [shared] * servers
            server = home if policy == "sticky_cookie" else rng.randrange(servers)
            alive = alive and "ravi" in books[server]
        done += alive
    law = theory.survives_switch(servers, before, after, policy, migrate=migrate)
    assert_share(law, done, TRIALS, 1 / 2)


@pytest.mark.parametrize(("servers", "deploy", "checkout"), [(1, 0.0, 60.0), (4, 180.0, 60.0), (10, 60.0, 240.0)])
def test_a_checkout_during_a_deploy(servers: int, deploy: float, checkout: float) -> None:
    """Restarts at odd moments; checkouts begin all day. Of those that meet the deploy, some are not on its server."""
    rng, met, lost, day = random.Random(13), 0, 0, 2000.0
    begin_deploy = 1000.0
    for _ in range(TRIALS * 4):
        between = sorted(rng.uniform(0, deploy) for _ in range(servers - 2))
        restarts = [begin_deploy + moment for moment in [0.0, *between, deploy][:servers]]
        begin, home = rng.uniform(0, day), rng.randrange(servers)
        met += begin <= restarts[-1] and begin + checkout >= restarts[0]
        lost += begin <= restarts[home] <= begin + checkout
    law = theory.survives_deploy(deploy, checkout)
    rival = max(0.0, 1 - checkout / deploy) if deploy else 0.5
    assert_share(law, met - lost, met, rival, 1 - 1 / (servers + 1))


@pytest.mark.parametrize(("rate", "writes"), [(0.9, 0.5), (0.9, WRITES), (0.0, WRITES), (1.0, 1.0)])
def test_tickets_of_a_day(rate: float, writes: float) -> None:
    rng, users, visits, views, days = random.Random(17), 5, 2, 9, 3000
    logs = [
        float(sum(rng.random() < rate and rng.random() < writes for _ in range(users * visits * views)))
        for _ in range(days)
    ]
    law = theory.tickets_a_day(users, visits, views, rate, writes)
    assert_mean(law.mean, logs, law.mean * 1.05 + 0.1)
    # A variance of n rows is itself off by about sqrt(2/n) of it; Poisson's, which is the mean, is ruled out at 45 %.
    off = 4 * (2 / days) ** 0.5
    assert pvariance(logs) == pytest.approx(law.spread**2, rel=off)
    assert (pvariance(logs) == pytest.approx(law.mean, rel=off)) is (rate * writes < 0.1)


def test_the_share_who_write_is_the_virtual_users_own() -> None:
    assert theory.tickets_a_day(100, 1, 10, 0.9).mean == pytest.approx(100 * 10 * 0.9 * WRITES)


@pytest.mark.parametrize(("answer", "failing"), [(0.1, 0.1), (0.01, 0.5), (0.5, 0.01)])
def test_requests_that_meet_a_store_which_is_away(answer: float, failing: float) -> None:
    """A user in a closed loop: thinks, asks, waits. The store is away from second 1000 to 1500 of 3000."""
    rng, away, window, users = random.Random(19), (1000.0, 1500.0), 3000.0, 8
    rows = []
    for _ in range(users):
        now, met, asked = -rng.random(), 0, 0
        while (now := now + rng.uniform(0.2, 0.6)) < window:
            out = away[0] <= now < away[1]
            asked, met = asked + (now >= 0), met + out
            now += failing if out else answer
        rows.append(met / asked)
    law = theory.outage_share(away[1] - away[0], window, 0.4 + answer, 0.4 + failing)
    assert_mean(law, rows, *[500 / 3000] * (answer != failing))
    assert law == pytest.approx(sum(rows) / users, abs=0.002), "the edges of the outage are worth a request each"


def test_by_the_clock_when_nobody_slows_down() -> None:
    assert theory.outage_share(2, 10) == pytest.approx(0.2)
    assert theory.outage_share(10, 10, 0.4, 0.9) == 1
    assert theory.outage_share(0, 10) == 0
