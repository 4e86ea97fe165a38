"""A law against what a simulation measured: it must lie inside the interval, and its near relations outside."""

from collections.abc import Sequence
from statistics import fmean, stdev

from scenarios.intervals import wilson

Z = 4.0  # simulations are seeded: no run differs from another, and an interval this wide is missed by wrong laws only


def assert_share(law: float, hits: int, of: int, *rivals: float) -> None:
    """`law` is the share that `hits` of `of` independent trials estimate; none of `rivals` is."""
    low, high = wilson(hits, of, Z)
    assert low <= law <= high, (law, hits / of)
    for rival in rivals:
        assert not low <= rival <= high, f"{hits / of} does not tell {law} from {rival}"


def assert_mean(law: float, rows: Sequence[float], *rivals: float) -> None:
    """`law` is the mean that independent `rows` estimate; none of `rivals` is."""
    mean, reach = fmean(rows), Z * stdev(rows) / len(rows) ** 0.5 + 1e-9
    assert abs(mean - law) <= reach, (law, mean, reach)
    for rival in rivals:
        assert abs(mean - rival) > reach, f"{mean} does not tell {law} from {rival}"
