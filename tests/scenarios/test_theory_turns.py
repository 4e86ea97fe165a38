"""Strict round robin, with users who move in step, alone, or when they have thought."""

import heapq
import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios import theory
from tests.scenarios.measured import assert_share

Think = Callable[[random.Random, int], float]


def homecomings(servers: int, users: int, clicks: int, logins: int, think: Think) -> tuple[list[int], int]:
    """How many of how many visits were home at click 1, 2, ...: users log in, click so often, and log in again."""
    rng = random.Random(f"{servers} {users}")
    agenda = [(think(rng, user), user) for user in range(users)]
    heapq.heapify(agenda)
    homes, made, home_at = [-1] * users, [0] * users, [0] * clicks
    turn = visits = 0
    while visits < logins:
        now, user = heapq.heappop(agenda)
        server, turn = turn % servers, turn + 1
        if homes[user] < 0:
            homes[user], made[user], came = server, 0, []
        else:
            came = [made[user]] if server == homes[user] else []
            made[user] += 1
        for click in came:
            home_at[click] += 1
        if made[user] == clicks:
            homes[user], visits, made[user] = -1, visits + 1, 0
        heapq.heappush(agenda, (now + think(rng, user), user))
    return home_at, visits


def memoryless(rng: random.Random, user: int) -> float:
    return rng.expovariate(1)


def like_the_labs_users(rng: random.Random, user: int) -> float:
    return rng.uniform(0.5, 1.5)


@given(servers=st.integers(1, 12), users=st.integers(1, 12), steps=st.integers(2, 30))
def test_lockstep_is_what_strict_turns_give(servers: int, users: int, steps: int) -> None:
    strange = sum((step * users) % servers != 0 for step in range(1, steps))
    assert theory.lockstep_round_robin(servers, users, steps) == pytest.approx(strange / (steps - 1))


@given(servers=st.integers(1, 12), click=st.integers(1, 60))
def test_one_user_alone_is_home_at_every_nth_click_and_no_other(servers: int, click: int) -> None:
    home = theory.round_robin_home(servers, 1, click)
    assert home == pytest.approx(float(click % servers == 0), abs=1e-9)
    assert theory.round_robin_law(servers, 1, click) == pytest.approx(
        theory.lockstep_round_robin(servers, 1, click + 1)
    )


@pytest.mark.parametrize(("servers", "users"), [(3, 2), (5, 3), (5, 10), (10, 5), (10, 20)])
def test_users_who_think_forget_where_the_turn_was(servers: int, users: int) -> None:
    clicks, logins = 4, 40_000
    home_at, visits = homecomings(servers, users, clicks, logins, memoryless)
    laws = [theory.round_robin_home(servers, users, click) for click in range(1, clicks + 1)]
    for law, home in zip(laws, home_at, strict=True):
        assert_share(law, home, visits)
    assert_share(laws[0], home_at[0], visits, 1 / servers, laws[1])
    mean = theory.round_robin_law(servers, users, clicks)
    assert mean == pytest.approx(1 - sum(home_at) / visits / clicks, abs=0.01)


@given(servers=st.integers(2, 12), users=st.integers(2, 40), within=st.sampled_from([0.1, 0.01, 0.001]))
def test_forgotten_means_forgotten(servers: int, users: int, within: float) -> None:
    after = theory.clicks_until_forgotten(servers, users, within)
    assert math.isfinite(after)
    for click in range(max(1, int(after)), int(after) + 2 * servers):
        assert abs(theory.round_robin_home(servers, users, click) - 1 / servers) <= within


def test_what_is_never_forgotten_or_never_known() -> None:
    assert theory.clicks_until_forgotten(5, 1) == math.inf
    assert theory.clicks_until_forgotten(1, 1) == 0
    assert theory.clicks_until_forgotten(10, 20) == 2


@pytest.mark.parametrize("servers", [3, 5, 10])
def test_twice_as_many_of_the_labs_users_as_servers_read_the_keep_law(servers: int) -> None:
    """Already at the first click, to 0.01: the lab's think times (0.5 to 1.5 times the mean) forget faster still."""
    home_at, visits = homecomings(servers, 2 * servers, 2, 40_000, like_the_labs_users)
    forgetful = theory.round_robin_home(servers, 2 * servers, 1)
    assert home_at[0] / visits == pytest.approx(1 / servers, abs=0.01)
    assert abs(home_at[0] / visits - 1 / servers) < abs(forgetful - 1 / servers)


@pytest.mark.parametrize(("ratio", "share"), [(math.sqrt(2), 1 / 4), (1.0, 1 / 2), (3.0, 1.0)])
def test_think_times_without_chance_read_the_keep_law_if_they_have_no_common_measure(
    ratio: float, share: float
) -> None:
    """Two users, one of whom thinks `ratio` times as long, for ever, are enough (Weyl); in step they never read it."""
    servers, clicks, turn, home = 4, 20_000, 0, 0
    other = 0.5  # when the other user clicks next
    for click in range(1, clicks + 1):
        mine = click * ratio
        while other < mine:
            other, turn = other + 1, turn + 1
        turn += 1
        home += turn % servers == 0
    assert home / clicks == pytest.approx(share, abs=0.002)
