"""Counts over time in a ring of equal buckets: constant memory however long the run."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Bucket:
    """One stretch of time. `rate` is a fraction, None when nothing in it carried a session ID."""

    start: float  # Unix time, seconds
    rate: float | None
    theory: float | None


@dataclass(slots=True)
class Series:
    """`size` buckets of `width` seconds; what is older than the ring is forgotten."""

    width: float
    size: int
    first: int = 0  # number of the oldest bucket ever seen; bucket n covers [n * width, (n + 1) * width)
    last: int = -1
    theory: float | None = None  # in force now; a bucket keeps the one it was opened or last changed under
    with_session: list[int] = field(init=False)
    logged_out: list[int] = field(init=False)
    theories: list[float | None] = field(init=False)

    def __post_init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything, as before the first event."""
        self.first, self.last = 0, -1
        self.with_session = [0] * self.size
        self.logged_out = [0] * self.size
        self.theories = [None] * self.size

    def advance(self, time: float) -> None:
        """Open the buckets up to `time` (Unix, seconds)."""
        number = int(time // self.width)
        if number <= self.last:
            return
        if self.last < 0:
            self.first, self.last = number, number - 1
        for opened in range(max(self.last + 1, number - self.size + 1), number + 1):
            slot = opened % self.size
            self.with_session[slot] = self.logged_out[slot] = 0
            self.theories[slot] = self.theory
        self.last = number

    def add(self, time: float, logged_out: bool) -> None:
        """Count one request that carried a session ID."""
        number = int(time // self.width)
        if number > self.last:
            self.advance(time)
        elif number <= self.last - self.size or number < self.first:
            return  # older than anything the ring holds; the totals still have it
        slot = number % self.size
        self.with_session[slot] += 1
        if logged_out:
            self.logged_out[slot] += 1

    def expect(self, time: float, theory: float | None) -> None:
        """From `time` on, `theory` (a fraction) is what the rate should be; None when nobody says."""
        self.theory = theory
        self.advance(time)
        if theory is not None:  # the bucket in which a promise ends was measured under it
            self.theories[self.last % self.size] = theory

    @property
    def sums(self) -> tuple[int, int]:
        """(with_session, logged_out) over all that the ring holds."""
        return sum(self.with_session), sum(self.logged_out)

    def buckets(self, most: int) -> list[Bucket]:
        """The newest buckets, oldest first, at most `most`."""
        if self.last < 0:
            return []
        begin = max(self.first, self.last - min(most, self.size) + 1)
        return [self._bucket(number) for number in range(begin, self.last + 1)]

    def _bucket(self, number: int) -> Bucket:
        slot = number % self.size
        seen = self.with_session[slot]
        return Bucket(number * self.width, self.logged_out[slot] / seen if seen else None, self.theories[slot])
