"""The logout rate over the last minutes. Pure; time is passed in."""

import itertools
from collections import deque

STEP = 2.0  # seconds
STEPS = 30
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

    def __str__(self) -> str:
        samples = list(self._samples)
        return "".join(bar(after[0] - before[0], after[1] - before[1]) for before, after in itertools.pairwise(samples))


def bar(with_session: int, logged_out: int) -> str:
    """A block as high as the rate; the lowest is exactly 0."""
    if not with_session:
        return NOTHING
    if not logged_out:
        return BARS[0]
    return BARS[max(1, min(7, round(7 * logged_out / with_session)))]
