"""How load changes over a run: users, and what happens to the cluster meanwhile. Pure; locust and `lab load` read it.

Time is the run's, from 0 (its begin) to 1 (its end).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

STARTUP_SERVERS = 10  # the story's startup grows from one server to ten


@dataclass(frozen=True)
class Shape:
    """`users(t)` is a share of the most users; `servers(t)` how many servers there should be by then; `restarts_at`
    is when every server gets a new process, one after the other."""

    summary: str
    users: Callable[[float], float]
    servers: Callable[[float], int] | None = None
    restarts_at: float | None = None


def growth(time: float) -> float:
    """From 1 in 100 to all of them, always by the same factor in the same time."""
    return float(100 ** (time - 1))


def spike(time: float) -> float:
    """A tenth, then everybody at once for a fifth of the run, then a tenth again."""
    return 1.0 if 0.4 <= time < 0.6 else 0.1


def office_hours(time: float) -> float:
    """Night, a morning rush, lunch, the afternoon, night: two humps, never less than a twentieth."""
    day = 24 * time
    morning, afternoon = math.exp(-(((day - 10) / 2) ** 2)), math.exp(-(((day - 15) / 2.5) ** 2))
    return min(1.0, 0.05 + 0.95 * max(morning, afternoon))


def steady(time: float) -> float:
    return 1.0


SHAPES = {
    "startup": Shape(
        "grows from few users to all of them, and from 1 server to 10 on the way",
        growth,
        servers=lambda time: 1 + math.floor((STARTUP_SERVERS - 1) * min(1.0, time / 0.9)),
    ),
    "spike": Shape("a tenth of the users, and for a fifth of the run all of them", spike),
    "office-hours": Shape("a day: night, morning rush, lunch, afternoon, night", office_hours),
    "deploy": Shape("all users, and in the middle every server is restarted, one by one", steady, restarts_at=0.5),
}


def users_at(shape: Shape, time: float, most: int) -> int:
    """Users at this time of the run; never none."""
    return max(1, round(most * shape.users(time)))
