"""Two sides in, what changed between them out. Pure.

Rates are compared by the interval of their difference (Newcombe) and Fisher's exact test, percentiles by their
intervals. All of it takes requests for independent; those of a user who stays logged out are not, and then the true
uncertainty is larger than what is said here.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scenarios.compare.runs import Act, Side
from scenarios.intervals import wilson

CLEAR = 0.001
"""A p-value below it is called a difference: runs have about six acts, and sweeps dozens of cells."""


@dataclass(frozen=True)
class RateChange:
    """Logout rates (fractions) of two sides, their difference (second minus first) with its 95 % interval, and how
    probable so great a difference would be by chance."""

    first: float
    second: float
    low: float
    high: float
    p: float

    @property
    def difference(self) -> float:
        return self.second - self.first

    @property
    def clear(self) -> bool:
        return self.p < CLEAR


@dataclass(frozen=True)
class PercentileChange:
    """A percentile of the durations (seconds) of two sides, each with its 95 % interval."""

    part: float
    first: float
    second: float
    first_interval: tuple[float, float]
    second_interval: tuple[float, float]

    @property
    def clear(self) -> bool:
        """The intervals have nothing in common: stricter than a test at 5 %."""
        return self.first_interval[1] < self.second_interval[0] or self.second_interval[1] < self.first_interval[0]


@dataclass(frozen=True)
class ActChange:
    """One act on both sides."""

    name: str
    settings: dict[str, tuple[Any, Any]]
    """What is set differently: {key: (first, second)}."""
    rate: RateChange | None
    """None when one of them saw no request with a session ID."""
    percentiles: tuple[PercentileChange, ...]
    verdicts: tuple[str, str]


def compare(first: Side, second: Side) -> Iterator[ActChange]:
    """The acts that both have, in the first one's order."""
    for name, act in first.acts.items():
        if name in second.acts:
            yield change(name, act, second.acts[name])


def change(name: str, first: Act, second: Act) -> ActChange:
    verdicts = first.record["verdict"], second.record["verdict"]
    settings = different(first.setting, second.setting)
    return ActChange(name, settings, _rate(first, second), tuple(_percentiles(first, second)), verdicts)


def different(first: dict[str, Any], second: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Keys whose values differ; what only one side has is None on the other."""
    keys = dict.fromkeys([*first, *second])
    return {key: (first.get(key), second.get(key)) for key in keys if first.get(key) != second.get(key)}


def _rate(first: Act, second: Act) -> RateChange | None:
    (a, m), (b, n) = ((act.record["logged_out"], act.record["with_session"]) for act in (first, second))
    if not m or not n:
        return None
    low, high = newcombe(a, m, b, n)
    return RateChange(a / m, b / n, low, high, fisher(a, m, b, n))


def _percentiles(first: Act, second: Act) -> Iterator[PercentileChange]:
    for part in (0.5, 0.95):
        one, two = first.durations.percentile(part), second.durations.percentile(part)
        ends, others = first.durations.interval(part), second.durations.interval(part)
        if one is not None and two is not None and ends and others:
            yield PercentileChange(part, one, two, ends, others)


def newcombe(a: int, m: int, b: int, n: int) -> tuple[float, float]:
    """The 95 % interval of b/n - a/m: R. G. Newcombe, "Interval estimation for the difference between independent
    proportions", Statistics in Medicine 17 (1998) 873-890, method 10: from the two Wilson intervals."""
    one, two = a / m, b / n
    (low1, high1), (low2, high2) = wilson(a, m), wilson(b, n)
    below = math.hypot(two - low2, high1 - one)
    above = math.hypot(high2 - two, one - low1)
    return two - one - below, two - one + above


def fisher(a: int, m: int, b: int, n: int) -> float:
    """How probable is a table at most as probable as `a` of `m` beside `b` of `n`, when both rates are the same? The
    two-sided exact test (R. A. Fisher, Statistical Methods for Research Workers, section 21.02)."""
    hits = a + b
    lowest, highest = max(0, hits - n), min(hits, m)
    whole = _choose(m + n, hits)
    logs = [_choose(m, k) + _choose(n, hits - k) - whole for k in range(lowest, highest + 1)]
    limit = logs[a - lowest] + 1e-7  # tables of the same probability differ by rounding
    return min(1.0, math.fsum(math.exp(log) for log in logs if log <= limit))


def _choose(n: int, k: int) -> float:
    """The logarithm of the binomial coefficient."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
