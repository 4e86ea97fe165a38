"""The logout rate over the last minutes. Pure; whoever samples keeps the time."""

from collections import deque
from itertools import pairwise

STEP = 2.0  # seconds
STEPS = 150
SHOWN = 30  # steps, as blocks
BARS = "▁▂▃▄▅▆▇█"
NOTHING = "·"  # no request carried an ID in this step


class Trend:
    """Samples of two running totals; what lies between two samples is one step."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque([(0, 0)], maxlen=STEPS + 1)

    def sample(self, with_session: int, logged_out: int) -> None:
        """Take the totals as they are now. Smaller than before: they began anew, and so does the trend."""
        if with_session < self._samples[-1][0]:
            self._samples.clear()
            self._samples.append((0, 0))
        self._samples.append((with_session, logged_out))

    def last(self, steps: int) -> tuple[int, int]:
        """(with_session, logged_out) of the last steps."""
        newest, oldest = self._samples[-1], self._samples[-min(steps + 1, len(self._samples))]
        return newest[0] - oldest[0], newest[1] - oldest[1]

    def rates(self) -> list[float | None]:
        """Of each step, oldest first; None where no request carried an ID."""
        steps = [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(self._samples)]
        return [logged_out / with_session if with_session else None for with_session, logged_out in steps]

    def __str__(self) -> str:
        return "".join(map(bar, self.rates()[-SHOWN:]))


def bar(rate: float | None) -> str:
    """A block as high as the rate; the lowest is exactly 0."""
    if rate is None:
        return NOTHING
    return BARS[max(1, min(7, round(7 * rate)))] if rate else BARS[0]
