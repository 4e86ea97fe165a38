"""How long requests took at the balancer, over time."""

import math
from typing import Any

from scenarios.folds.durations import Durations
from scenarios.reports.numbers import Numbers
from scenarios.reports.plots.canvas import DASHES, LINES, time_axis
from scenarios.reports.plots.plot import Plot

PARTS = ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))


def whole(numbers: Numbers) -> Durations:
    durations = Durations()
    for one in numbers.stores.values():
        durations.join(one)
    return durations


def describe(numbers: Numbers) -> str:
    durations = whole(numbers)
    told = ", ".join(f"{name} {(durations.percentile(part) or 0.0) * 1000:.1f} ms" for part, name in PARTS)
    return f"Percentiles of the time requests took at the balancer. Over the whole run: {told}."


def draw(axis: Any, numbers: Numbers) -> None:
    course = numbers.course
    unit = time_axis(axis, numbers)
    times = [(number + 0.5) * course.width / unit for number in range(max(course.stretches) + 1)]
    for number, (part, name) in enumerate(PARTS):
        found = [
            stretch.durations.percentile(part) if (stretch := course.stretches.get(at)) else None
            for at in range(len(times))
        ]
        axis.plot(
            times, [math.nan if seconds is None else seconds * 1000 for seconds in found], label=name, linewidth=1.4,
            color=LINES[number], linestyle=DASHES[number], marker=".", markersize=3,
        )  # fmt: skip
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.grid(alpha=0.25)
    axis.set_ylabel("milliseconds")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3)


PLOT = Plot(
    "latency",
    "Latency over time",
    "What half, 95 % and 99 % of the requests did not exceed at the balancer; the scale is logarithmic.",
    "No request says how long it took.",
    lambda numbers: whole(numbers).total > 0,
    describe,
    draw,
)
