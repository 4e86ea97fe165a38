"""Each law against a simulation that knows nothing of the formula."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios import theory
from scenarios.intervals import wilson

Z = 4.5  # about one miss in 150,000 comparisons


@settings(max_examples=15, deadline=None)
@given(servers=st.integers(1, 12), seed=st.integers(0, 2**32))
def test_keep_law_is_what_random_routing_gives(servers: int, seed: int) -> None:
    rng = random.Random(seed)
    home, strange, requests = rng.randrange(servers), 0, 3000
    for _ in range(requests):
        strange += rng.randrange(servers) != home
    low, high = wilson(strange, requests, Z)
    assert low <= theory.keep_law(servers) <= high


@settings(max_examples=15, deadline=None)
@given(servers=st.integers(1, 6), views=st.integers(1, 8), seed=st.integers(0, 2**32))
def test_replace_law_is_what_losing_the_cookie_gives(servers: int, views: int, seed: int) -> None:
    rng = random.Random(seed)
    logins, strange = 3000, [0] * 3000
    for login in range(logins):
        home, known = rng.randrange(servers), True
        for _ in range(views):
            known = known and rng.randrange(servers) == home
            strange[login] += not known
    mean = sum(strange) / logins / views
    spread = (sum((s / views - mean) ** 2 for s in strange) / logins) ** 0.5
    assert abs(mean - theory.replace_law(servers, views)) <= Z * spread / logins**0.5 + 1e-9


@given(servers=st.integers(1, 12), users=st.integers(1, 12), steps=st.integers(2, 30))
def test_lockstep_is_what_strict_turns_give(servers: int, users: int, steps: int) -> None:
    strange = sum((step * users) % servers != 0 for step in range(1, steps))
    assert theory.lockstep_round_robin(servers, users, steps) == pytest.approx(strange / (steps - 1))


def test_the_figures_of_the_story() -> None:
    assert theory.keep_law(1) == 0
    assert theory.keep_law(5) == pytest.approx(0.8)
    assert theory.keep_law(10) == pytest.approx(0.9)
    assert theory.replace_law(1, 7) == pytest.approx(0)
    assert theory.replace_law(2, 2) == pytest.approx(1 - (0.5 + 0.25) / 2)
    assert theory.lost_with_server(10) == pytest.approx(0.1)
    assert theory.lost_by_scale_in(10, 7) == pytest.approx(0.3)
    assert theory.lost_by_scale_in(3, 10) == 0


@given(servers=st.integers(2, 100))
def test_tries_until_known_is_the_smallest_number_that_suffices(servers: int) -> None:
    tries = theory.tries_until_known(servers, miss=0.01)
    assert (1 - 1 / servers) ** tries <= 0.01 < (1 - 1 / servers) ** (tries - 1)


@pytest.mark.parametrize("law", [theory.keep_law, theory.lost_with_server, theory.tries_until_known])
def test_no_servers_is_no_cluster(law) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="at least 1"):
        law(0)


@pytest.mark.parametrize(
    ("servers", "store", "policy", "rate"),
    [
        (10, "memory", "round_robin", 0.9),
        (4, "memory", "random", 0.75),
        (10, "memory", "sticky_cookie", 0.0),
        (10, "redis", "round_robin", 0.0),
        (1, "memory", "round_robin", 0.0),
    ],
)
def test_what_a_cluster_settles_at(servers: int, store: str, policy: str, rate: float) -> None:
    assert theory.steady_rate(servers, store, policy) == pytest.approx(rate)
