"""How long things took, in a histogram of constant size: percentiles, and how sure they are. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from scenarios.intervals import Z95

SHORTEST, LONGEST = 50e-6, 120.0  # seconds; what is beyond counts as these
STEP = math.log(1.05)  # a bin is 5 % wide: a percentile is off by 2.5 % at most


def bin_of(seconds: float) -> int:
    return int(math.log(min(LONGEST, max(SHORTEST, seconds)) / SHORTEST) / STEP)


def middle_of(number: int) -> float:
    """The duration (seconds) that stands for all in a bin."""
    return SHORTEST * math.exp((number + 0.5) * STEP)


@dataclass(slots=True)
class Durations:
    """Counts by bin."""

    bins: dict[int, int] = field(default_factory=dict)
    total: int = 0

    def add(self, seconds: float) -> None:
        number = bin_of(seconds)
        self.bins[number] = self.bins.get(number, 0) + 1
        self.total += 1

    def join(self, other: Durations) -> None:
        """Count what the other counted as well."""
        for number, count in other.bins.items():
            self.bins[number] = self.bins.get(number, 0) + count
        self.total += other.total

    def percentile(self, part: float) -> float | None:
        """Seconds that this part (0.95: 95 %) did not exceed; None when nothing was added."""
        return self._at(math.ceil(part * self.total)) if self.total else None

    def interval(self, part: float) -> tuple[float, float] | None:
        """The 95 % interval of a percentile, whatever the distribution: between two of the durations themselves, by
        their ranks (H. A. David and H. N. Nagaraja, Order Statistics, section 7.1; normal approximation)."""
        if not self.total:
            return None
        middle, spread = part * self.total, Z95 * math.sqrt(part * (1 - part) * self.total)
        return self._at(max(1, math.floor(middle - spread))), self._at(min(self.total, math.ceil(middle + spread) + 1))

    def shares(self) -> list[tuple[float, float]]:
        """The distribution: durations (seconds), each with the share of all that took no longer."""
        passed, points = 0, []
        for number, count in sorted(self.bins.items()):
            passed += count
            points.append((middle_of(number), passed / self.total))
        return points

    def _at(self, rank: int) -> float:
        """The duration of the `rank`-th shortest, counted from 1."""
        passed = 0
        for number, count in sorted(self.bins.items()):
            passed += count
            if passed >= rank:
                return middle_of(number)
        raise ValueError(f"there are only {passed} durations, not {rank}")
