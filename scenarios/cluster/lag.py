"""How slow a network is made.   [pure]"""

from dataclasses import dataclass
from random import Random

from scenarios.errors import LabError

LEAST, MOST = 0.001, 60.0
"""Seconds of delay."""


@dataclass(frozen=True)
class Lag:
    """What a slow network adds to each round trip, half of it on either way."""

    delay: float
    """Seconds; for a new connection once more, as TCP's handshake is a round trip of its own."""
    jitter: float = 0.0
    """Seconds, give or take, evenly drawn; nothing overtakes what was sent before."""
    rate: int = 0
    """Bytes a second that get through on either way, at most; 0: as many as come."""

    def check(self) -> None:
        """Raises LabError for what no network is."""
        if not LEAST <= self.delay <= MOST:
            raise LabError(f"a delay of {told(self.delay)}: choose {told(LEAST)} to {told(MOST)}")
        if not 0 <= self.jitter <= self.delay:
            raise LabError(f"a jitter of {told(self.jitter)}: choose 0 to the delay, {told(self.delay)}")
        if self.rate < 0:
            raise LabError(f"a rate of {self.rate} bytes a second: choose 1 or more, or 0 for no limit")

    def one_way(self, random: Random) -> float:
        """Seconds for what is sent now."""
        return (self.delay + random.uniform(-self.jitter, self.jitter)) / 2

    def __str__(self) -> str:
        jitter = f" +- {told(self.jitter)}" if self.jitter else ""
        rate = f", {self.rate / 1000:g} kB/s" if self.rate else ""
        return told(self.delay) + jitter + rate


def told(seconds: float) -> str:
    return f"{seconds * 1000:g} ms" if seconds < 1 else f"{seconds:g} s"
