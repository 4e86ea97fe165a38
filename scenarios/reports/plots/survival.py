"""How long sessions last, act by act."""

from typing import Any

from scenarios.boards.words import counted
from scenarios.folds.survival import Lifetimes
from scenarios.reports.numbers import Numbers
from scenarios.reports.plots.canvas import DASHES, LINES, label
from scenarios.reports.plots.plot import Plot


def strata(numbers: Numbers) -> dict[str, Lifetimes]:
    """Those of the acts; when there was none, that of the whole run."""
    found = {name: lives for name, lives in numbers.survival.strata.items() if lives.sessions and name}
    whole = numbers.survival.strata[""]
    return found or ({"the run": whole} if whole.sessions else {})


def describe(numbers: Numbers) -> str:
    told = []
    for name, lives in list(strata(numbers).items())[: len(LINES)]:
        median = lives.median()
        half = "more than half last to the end of it" if median is None else f"half lost within {median:.2g} seconds"
        told.append(f"{label(name)}: {counted(lives.sessions, 'session')}, {half}")
    return f"Share of sessions still known after a time, by Kaplan and Meier. {'; '.join(told)}."


def draw(axis: Any, numbers: Numbers) -> None:
    shown = list(strata(numbers).items())[: len(LINES)]
    for number, (name, lives) in enumerate(shown):
        curve = lives.curve()
        axis.step(
            [point.seconds for point in curve], [point.share * 100 for point in curve], where="post",
            label=label(name), color=LINES[number], linewidth=1.6, linestyle=DASHES[number % len(DASHES)],
        )  # fmt: skip
    axis.set_xscale("log")
    axis.set_xlim(0.005, max(1.0, *(lives.curve()[-1].seconds for _, lives in shown)))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set_ylim(-3, 103)
    axis.grid(alpha=0.25)
    axis.set_xlabel("seconds since first seen in the act")
    axis.set_ylabel("sessions still known, %")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=min(3, len(shown)))


PLOT = Plot(
    "survival",
    "How long sessions last",
    "From the first sight of a session in an act until it was answered as a stranger (Kaplan-Meier). A line that ends "
    "above 0 means that the rest were still known when last seen; it ends where too few are left to say more.",
    "No session was followed from its beginning.",
    lambda numbers: bool(strata(numbers)),
    describe,
    draw,
)
