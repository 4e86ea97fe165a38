"""Tickets to support, summed up over time."""

from typing import Any

from scenarios.boards.words import counted
from scenarios.reports.numbers import Numbers
from scenarios.reports.plots.canvas import INK, time_axis
from scenarios.reports.plots.plot import Plot


def describe(numbers: Numbers) -> str:
    return f"{counted(numbers.fold.ticket_count, 'ticket')} to support in all, summed up over time."


def draw(axis: Any, numbers: Numbers) -> None:
    course = numbers.course
    unit = time_axis(axis, numbers)
    times, sums = [0.0], [0]
    for number, stretch in sorted(course.stretches.items()):
        if stretch.tickets:
            times.append((number + 0.5) * course.width / unit)
            sums.append(sums[-1] + stretch.tickets)
    axis.step([*times, numbers.seconds / unit], [*sums, sums[-1]], where="post", color=INK, linewidth=1.6)
    axis.set_ylim(bottom=0)
    axis.yaxis.get_major_locator().set_params(integer=True)
    axis.grid(alpha=0.25)
    axis.set_ylabel("tickets so far")


PLOT = Plot(
    "tickets",
    "Tickets to support",
    "Where the line is steep, people complain.",
    "Nobody wrote to support.",
    lambda numbers: numbers.fold.ticket_count > 0,
    describe,
    draw,
)
