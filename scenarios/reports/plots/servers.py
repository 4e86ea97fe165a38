"""The logout rate server by server, over time."""

import math
import re
from typing import Any

from scenarios.boards.words import percent
from scenarios.reports.numbers import Numbers
from scenarios.reports.plots.canvas import label, time_axis
from scenarios.reports.plots.plot import Plot

MOST_NAMES = 20


def in_order(names: list[str]) -> list[str]:
    """server-2 before server-10."""
    return sorted(names, key=lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)])


def describe(numbers: Numbers) -> str:
    servers = numbers.course.servers()
    told = ", ".join(f"{label(name)} {percent(servers[name].rate)}" for name in in_order(list(servers))[:MOST_NAMES])
    return f"Logout rate of each server over time, from light (nobody) to dark (everybody). Over the whole run: {told}."


def draw(axis: Any, numbers: Numbers) -> None:
    course = numbers.course
    unit = time_axis(axis, numbers)
    names = in_order(list(course.servers()))
    rows = []
    for name in names:
        rates = []
        for number in range(max(course.stretches) + 1):
            stretch = course.stretches.get(number)
            counts = stretch.servers.get(name) if stretch else None
            rates.append(math.nan if counts is None or counts.rate is None else counts.rate * 100)
        rows.append(rates)
    right = len(rows[0]) * course.width / unit
    image = axis.imshow(
        rows, extent=(0, right, len(names) - 0.5, -0.5), aspect="auto", interpolation="none", cmap="YlOrRd",
        vmin=0, vmax=100, zorder=2,
    )  # fmt: skip
    axis.set_xlim(0, right)
    step = math.ceil(len(names) / MOST_NAMES)
    axis.set_yticks(range(0, len(names), step), [label(name, 14) for name in names[::step]], fontsize=9)
    axis.figure.colorbar(image, ax=axis, label="logged out, %", pad=0.02)


PLOT = Plot(
    "servers",
    "Logout rate by server",
    "Each row is a server; the darker, the more of its visitors were strangers to it. No colour: it had no visitors.",
    "No server was asked for a session.",
    lambda numbers: any(counts.with_session for counts in numbers.course.servers().values()),
    describe,
    draw,
)
