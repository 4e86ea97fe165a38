"""Virtual users on real clusters: what they count, what they feel, and the laws their numbers must meet."""

import math
import random

import pytest

from scenarios import theory
from scenarios.crowd import Crowd
from scenarios.felt import Felt
from scenarios.intervals import wilson
from tests.scenarios.conftest import StartCluster

Z = 3.9


@pytest.mark.parametrize("store", ["memory", "redis"])
async def test_the_users_count_equals_the_balancers(start_cluster: StartCluster, store: str) -> None:
    cluster = await start_cluster(servers=3, store=store)
    crowd = Crowd(cluster.url, users=20, seed=3, think=0.01)
    crowd.start()
    try:
        felt = await crowd.shop(700)
        counted = await cluster.counters()
    finally:
        await crowd.close()
    for key in ("requests", "with_session", "logged_out"):
        assert getattr(felt, key) == counted[key], key
    assert felt.requests == 700
    assert (felt.logged_out > 0) is (store == "memory")
    assert (felt.somebody_else, felt.ghosts, felt.failed, felt.unavailable) == (0, 0, 0, 0)


@pytest.mark.parametrize("on_unknown", ["keep", "clear", "replace"])
@pytest.mark.parametrize("servers", [1, 3])
async def test_both_laws_by_measurement(start_cluster: StartCluster, on_unknown: str, servers: int) -> None:
    cluster = await start_cluster(servers=servers, policy="random", on_unknown=on_unknown)
    crowd = Crowd(cluster.url, users=20, seed=5, think=0.005)
    felt, views = Felt(), 4
    rng = random.Random(5)
    rows: list[int] = []
    try:
        for _ in range(250):
            visitor = crowd.visitor(rng.choice(["ravi", "user01", "user02"]), felt)
            before = felt.strange_views
            await visitor.views_without_new_login(views)
            rows.append(felt.strange_views - before)
    finally:
        await crowd.close()
    low, high = wilson(felt.logged_out, felt.with_session, Z)
    assert low <= theory.keep_law(servers) <= high, "of the requests that carry an ID"
    law = theory.keep_law(servers) if on_unknown == "keep" else theory.replace_law(servers, views)
    mean = sum(rows) / len(rows) / views
    spread = math.sqrt(sum((row / views - mean) ** 2 for row in rows) / len(rows) / len(rows))
    assert mean == pytest.approx(law, abs=Z * spread + 1e-9), "of the views after a login"


async def test_logouts_are_classed_flap_while_the_server_lives_and_terminal_when_it_is_gone(
    start_cluster: StartCluster,
) -> None:
    cluster = await start_cluster(servers=2)
    felt = Felt()
    crowd = Crowd(cluster.url, users=1, seed=1)
    try:
        visitor = crowd.visitor("ravi", felt)
        visitor.patience, visitor.advice = 6, "try again"
        await visitor.log_in()
        await visitor.member("GET", "/orders", "view order")  # the other server; then back home
        assert (felt.flaps, felt.terminals) == (1, 0)
        assert visitor.via is not None
        await cluster.kill(visitor.via)  # home
        await visitor.member("GET", "/orders", "view order")
        assert (felt.flaps, felt.terminals) == (1, 1)
    finally:
        await crowd.close()


async def test_a_cart_and_an_order_are_missed(start_cluster: StartCluster) -> None:
    cluster = await start_cluster(servers=2, policy="random", balancer_options={"seed": 1})
    felt = Felt()
    tickets: list[str] = []
    crowd = Crowd(cluster.url, users=1, seed=1)
    try:
        visitor = crowd.visitor("ravi", felt)
        visitor.complain = lambda user, text: tickets.append(text)
        visitor.advice = "clear your cookies"
        await visitor.log_in()
        for _ in range(30):
            await visitor.add_to_cart()
            await visitor.look_at_cart()
            await visitor.check_out()
    finally:
        await crowd.close()
    assert felt.carts_gone > 0
    assert any("cart" in text or "logged out" in text or "log in" in text for text in tickets)


async def test_a_logout_that_was_confirmed_leaves_no_ghost(start_cluster: StartCluster) -> None:
    cluster = await start_cluster(servers=1)
    felt = Felt()
    crowd = Crowd(cluster.url, users=1, seed=1)
    try:
        visitor = crowd.visitor("ravi", felt)
        await visitor.log_in()
        old = visitor.jar.copy()
        await visitor.log_out()
        assert visitor.jar.value("session_id") is None
        answer = await visitor.ask("GET", "/whoami", jar=old)
        assert (answer.user, answer.page["logbook"], felt.ghosts) == (None, "revoked", 0)
        assert felt.logged_out == 0, "a session ended on purpose is not a logout"
    finally:
        await crowd.close()


async def test_the_same_seed_makes_the_same_clicks(start_cluster: StartCluster) -> None:
    """One user, one server: nothing but the seed decides, so the paths must be the same twice and differ by seed."""
    clicks = []
    for seed in (7, 7, 8):
        cluster = await start_cluster(servers=1)
        crowd = Crowd(cluster.url, users=1, seed=seed, think=0.0)
        crowd.start()
        try:
            await crowd.shop(40)
            state = await cluster.state()
            clicks.append((crowd.felt, state["servers"][0]["outcomes"]))
        finally:
            await crowd.close()
    assert clicks[0] == clicks[1]
