"""Wilson's interval against the published figures, and against its own definition."""

from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.intervals import Z95, wilson

# Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
PUBLISHED = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)]


@pytest.mark.parametrize(("hits", "of", "low", "high"), PUBLISHED)
def test_matches_the_published_table(hits: int, of: int, low: float, high: float) -> None:
    assert wilson(hits, of) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_nothing_tried_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_ends_are_exact_at_none_and_all() -> None:
    assert wilson(0, 1000)[0] == 0.0
    assert wilson(1000, 1000)[1] == 1.0


@pytest.mark.parametrize(("hits", "of"), [(-1, 5), (6, 5), (1, 0)])
def test_refuses_counts_that_are_none(hits: int, of: int) -> None:
    with pytest.raises(ValueError, match="is not a share"):
        wilson(hits, of)


@settings(deadline=None)
@given(st.integers(1, 100_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_its_ends_are_where_the_score_test_just_accepts(counts: tuple[int, int]) -> None:
    """The definition: p is in the interval when |share - p| <= z * sqrt(p (1 - p) / n)."""
    hits, of = counts
    share = hits / of
    low, high = wilson(hits, of)
    assert 0.0 <= low <= share <= high <= 1.0
    for end in (low, high):
        if 0.0 < end < 1.0:
            assert abs(share - end) == pytest.approx(Z95 * sqrt(end * (1 - end) / of), rel=1e-6)


@settings(deadline=None)
@given(st.integers(0, 500), st.integers(500, 1000))
def test_swapping_hits_and_misses_mirrors_it(hits: int, of: int) -> None:
    low, high = wilson(hits, of)
    assert wilson(of - hits, of) == (pytest.approx(1 - high, abs=1e-12), pytest.approx(1 - low, abs=1e-12))
