"""How the time of requests is distributed, store by store."""

from typing import Any

from scenarios.folds.durations import Durations
from scenarios.reports.numbers import Numbers
from scenarios.reports.plots.canvas import DASHES, LINES, label
from scenarios.reports.plots.plot import Plot


def stores(numbers: Numbers) -> dict[str, Durations]:
    return {name or "no store named": durations for name, durations in numbers.stores.items() if durations.total}


def describe(numbers: Numbers) -> str:
    told = [
        f"{label(name)}: half within {(durations.percentile(0.5) or 0.0) * 1000:.1f} ms, "
        f"95 % within {(durations.percentile(0.95) or 0.0) * 1000:.1f} ms"
        for name, durations in stores(numbers).items()
    ]
    return f"Share of requests that took no longer than a time, for each store. {'; '.join(told)}."


def draw(axis: Any, numbers: Numbers) -> None:
    for number, (name, durations) in enumerate(list(stores(numbers).items())[: len(LINES)]):
        points = durations.shares()
        axis.step(
            [seconds * 1000 for seconds, _ in points], [share * 100 for _, share in points], where="post",
            label=label(name), color=LINES[number], linestyle=DASHES[number % len(DASHES)], linewidth=1.6,
        )  # fmt: skip
    for part in (50, 95):
        axis.axhline(part, color="#55606e", linestyle=":", linewidth=0.8)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set_ylim(-3, 103)
    axis.grid(alpha=0.25)
    axis.set_xlabel("milliseconds")
    axis.set_ylabel("requests that took no longer, %")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3)


PLOT = Plot(
    "spread",
    "Latency by store",
    "How many of the requests were answered within a time, with each store; the dotted lines are 50 and 95 %.",
    "No request says how long it took.",
    lambda numbers: bool(stores(numbers)),
    describe,
    draw,
)
