import math

import pytest

from scenarios import checks


@pytest.mark.parametrize(
    ("hits", "of", "law", "passed"),
    [
        (900, 1000, 0.9, True),
        (880, 1000, 0.9, True),  # 2 standard deviations off: chance
        (850, 1000, 0.9, False),  # 5 off: not chance
        (1000, 1000, 0.9, False),
        (0, 1000, 0.0, True),
        (1, 1000, 0.0, False),  # a law of exactly 0 is broken by one
        (1000, 1000, 1.0, True),
        (999, 1000, 1.0, False),
        (0, 0, 0.9, False),  # nothing observed shows nothing
        (0, 0, 0.0, False),
    ],
)
def test_a_rate_against_its_law(hits: int, of: int, law: float, passed: bool) -> None:
    check = checks.rate("logout rate", hits, of, law)
    assert check.passed is passed
    assert math.isnan(check.measured) if not of else check.measured == hits / of


def test_the_verdict_needs_checks_and_all_of_them() -> None:
    assert checks.verdict([]) == "fail"
    assert checks.verdict([checks.none("x", 0)]) == "pass"
    assert checks.verdict([checks.none("x", 0), checks.some("y", 0)]) == "fail"


def test_bounds() -> None:
    assert checks.within("share", 0.9, 0.9, 1.0).passed
    assert not checks.within("share", 0.89, 0.9, 1.0).passed
    assert checks.least("share", 0.9, 0.9).record()["expected"] == "at least 90%"
    assert checks.least("share", 0.9, 0.9).passed
    assert not checks.least("share", 0.89, 0.9).passed
