"""The logout rate over time, beside what theory says."""

import math
from itertools import pairwise
from typing import Any

from scenarios.boards.words import count, percent
from scenarios.intervals import wilson
from scenarios.reports.numbers import Numbers
from scenarios.reports.plots.canvas import BAD, THEORY, time_axis
from scenarios.reports.plots.plot import Plot


def describe(numbers: Numbers) -> str:
    acts = (act.record for act in numbers.chapters.acts if act.record)
    told = [f"{act['name']}: {percent(act['logout_rate'])}, theory {percent(act['theory_rate'])}" for act in acts]
    totals = numbers.fold.totals
    whole = f"{count(totals.logged_out)} of {count(totals.with_session)} requests with a session ID were logged out."
    return " ".join(["Logout rate over time.", *([f"Act by act: {'; '.join(told)}."] if told else []), whole])


def draw(axis: Any, numbers: Numbers) -> None:
    course = numbers.course
    unit = time_axis(axis, numbers)
    last = max(course.stretches)
    ends = [number * course.width / unit for number in range(last + 2)]
    rates, lows, highs, laws = [], [], [], []
    for number in range(last + 1):
        stretch = course.stretches.get(number)
        seen = stretch.counts.with_session if stretch else 0
        low, high = wilson(stretch.counts.logged_out, seen) if stretch and seen else (math.nan, math.nan)
        rates.append(stretch.counts.logged_out / seen * 100 if stretch and seen else math.nan)
        lows.append(low * 100)
        highs.append(high * 100)
        laws.append(stretch.theory * 100 if stretch and stretch.theory is not None else math.nan)
    middles = [(begin + end) / 2 for begin, end in pairwise(ends)]
    axis.fill_between(middles, lows, highs, color=BAD, alpha=0.18, linewidth=0, label="95 % interval")
    axis.plot(middles, rates, color=BAD, linewidth=1.4, marker=".", markersize=3, label="measured")
    axis.stairs(laws, ends, color=THEORY, linestyle="--", linewidth=1.5, baseline=None, zorder=3, label="theory")
    axis.set_ylim(-3, 103)
    axis.set_ylabel("logged out, %")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3)


PLOT = Plot(
    "rate",
    "Logout rate beside theory",
    "Of the requests that carried a session ID, those answered as if to a stranger. The numbers above are the acts, "
    "the letters what was changed or broken: both stand in the tables.",
    "No request carried a session ID.",
    lambda numbers: numbers.fold.totals.with_session > 0,
    describe,
    draw,
)
