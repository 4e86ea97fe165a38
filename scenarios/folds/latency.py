"""Latency of the last seconds, in a histogram of constant size whatever the rate."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from scenarios.events import Event
from scenarios.folds.durations import bin_of, middle_of

RECENT = 10  # seconds the percentiles are of
KEPT = 120  # seconds of history


@dataclass(slots=True)
class Latency:
    """How long requests took at the balancer, second by second."""

    seconds: dict[int, dict[int, int]] = field(default_factory=dict)  # Unix second -> bin -> requests; oldest first
    last: int = 0

    def feed(self, event: Event) -> None:
        """Take a request."""
        duration = event.get("duration")
        if duration is None:
            return
        second = int(event["time"])
        self.advance(second)
        if second <= self.last - KEPT:
            return
        bins = self.seconds.setdefault(second, {})
        number = bin_of(duration)
        bins[number] = bins.get(number, 0) + 1

    def advance(self, time: float) -> None:
        """Let time (Unix, seconds) go on."""
        if time < self.last + 1:
            return
        self.last = int(time)
        for second in [second for second in self.seconds if second <= self.last - KEPT]:
            del self.seconds[second]

    def requests(self) -> int:
        """In the last seconds, the ones the percentiles are of."""
        return sum(sum(self.seconds.get(second, {}).values()) for second in self._recent())

    def percentiles(self, *parts: float) -> list[float | None]:
        """Durations (seconds) that these parts (0.95: 95 %) of the last seconds' requests did not exceed; None when
        there was no request."""
        return _percentiles([self.seconds.get(second, {}) for second in self._recent()], parts)

    def history(self, part: float, seconds: int) -> list[float | None]:
        """The same of each of the last `seconds` (at most KEPT) by itself, oldest first."""
        numbers = range(self.last - min(seconds, KEPT) + 1, self.last + 1)
        return [_percentiles([self.seconds.get(number, {})], (part,))[0] for number in numbers]

    def _recent(self) -> range:
        return range(self.last - RECENT + 1, self.last + 1)


def _percentiles(histograms: Iterable[dict[int, int]], parts: Iterable[float]) -> list[float | None]:
    summed: dict[int, int] = {}
    for histogram in histograms:
        for number, requests in histogram.items():
            summed[number] = summed.get(number, 0) + requests
    total, bins = sum(summed.values()), sorted(summed.items())
    return [_at(bins, math.ceil(part * total)) if total else None for part in parts]


def _at(bins: list[tuple[int, int]], rank: int) -> float:
    """The duration of the `rank`-th fastest request, counted from 1."""
    passed = 0
    for number, requests in bins:
        passed += requests
        if passed >= rank:
            return middle_of(number)
    raise ValueError(f"there are only {passed} requests, not {rank}")
