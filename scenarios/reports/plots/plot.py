"""What a plot of the report is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scenarios.reports.numbers import Numbers


@dataclass(frozen=True)
class Plot:
    """One figure. `caption` says how to read it, `describe` what is to be seen in it, for those who do not see it, and
    `empty` stands there instead when `shows` says that there is nothing to draw. `draw` gets matplotlib's Axes."""

    name: str
    title: str
    caption: str
    empty: str
    shows: Callable[[Numbers], bool]
    describe: Callable[[Numbers], str]
    draw: Callable[[Any, Numbers], None]
