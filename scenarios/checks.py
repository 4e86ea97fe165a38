"""Numbers in, verdicts out. Pure.

A measured rate agrees with a law when the law lies inside the Wilson interval of the measurement at 99.99 %.
The tables show the usual 95 % interval; a verdict at 95 % would call one sound act in twenty a failure, and a
run makes several such checks. Laws that say exactly 0 or 1 are met exactly or not at all.
"""

from dataclasses import asdict, dataclass
from math import isnan
from statistics import NormalDist
from typing import Any

from scenarios.intervals import wilson

Z_VERDICT = NormalDist().inv_cdf(1 - 0.0001 / 2)
"""Standard deviations either side of a two-sided 99.99 % interval: about 3.89."""


@dataclass(frozen=True)
class Check:
    """One thing an act must show: what was measured, what had to come out, and whether it did."""

    name: str
    measured: float
    expected: str
    passed: bool
    every_act: bool = False
    """Whether every act makes this check; a report then shows it only when it failed."""

    def record(self) -> dict[str, Any]:
        """As JSON has it: `measured` is None when nothing was."""
        return {**asdict(self), "measured": None if isnan(self.measured) else self.measured}


def rate(name: str, hits: int, of: int, law: float) -> Check:
    """`hits` of `of` against a law. No observation at all is a failure: nothing was shown."""
    measured = hits / of if of else float("nan")
    if law in (0.0, 1.0):
        return Check(name, measured, f"exactly {law:.0%}", of > 0 and measured == law)
    low, high = wilson(hits, of, Z_VERDICT) if of else (1.0, 0.0)
    return Check(name, measured, f"{law:.1%}", low <= law <= high)


def none(name: str, count: float) -> Check:
    """Something that must not happen, ever."""
    return Check(name, count, "0", count == 0)


def some(name: str, count: float) -> Check:
    """Something that must happen, or the act has shown nothing."""
    return Check(name, count, "more than 0", count > 0)


def least(name: str, share: float, low: float) -> Check:
    """A share that must not be smaller than a bound that was fixed before the run."""
    return Check(name, share, f"at least {low:.0%}", share >= low)


def within(name: str, measured: float, low: float, high: float, unit: str = "") -> Check:
    """A figure between two bounds that were fixed before the run."""
    return Check(name, measured, f"{low:g} to {high:g}{unit}", low <= measured <= high)


def verdict(checks: list[Check]) -> str:
    """`pass` when there are checks and every one passed."""
    return "pass" if checks and all(check.passed for check in checks) else "fail"
