"""What all plots share: the sheet they are drawn on, the axis of time with its acts, and the way into the page."""

import io
import re
import warnings
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
from markupsafe import escape

from scenarios.boards.lines import UNICODE, clean, shorten
from scenarios.boards.words import letter
from scenarios.reports.numbers import Numbers
from scenarios.reports.plots.plot import Plot

INK, QUIET, THEORY, BAD = "#1d2733", "#55606e", "#00707a", "#b3261e"
LINES = ("#0b5fa5", "#b3261e", "#00695c", "#8a5a00", "#6a1b9a", "#37474f", "#ad1457", "#33691e")
DASHES = ("-", "--", "-.", ":")
"""Colours with 4.5:1 or more on white; the lines' dashes differ too, for eyes that do not tell the colours apart."""

STEADY: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be searched, read aloud, and scales with the page's font
    "font.family": "sans-serif",
    "font.size": 10,
    "text.parse_math": False,  # a server may be called $5
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
SIZE = (4.9, 3.2)  # inches at 96 pixels: it need not shrink much to fit on a phone
UNITS = ((2 * 3600.0, 3600.0, "hours"), (180.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))


def svg(plot: Plot, numbers: Numbers) -> str:
    """The plot as an inline SVG with a title and a description; the same numbers give the same bytes."""
    written = io.StringIO()
    with mpl.rc_context({**STEADY, "svg.hashsalt": plot.name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the browser draws the text, with fonts of its own
        figure, axis = plt.subplots(figsize=SIZE, layout="constrained")
        try:
            plot.draw(axis, numbers)
            figure.savefig(written, format="svg")
        finally:
            plt.close(figure)
    return inline(written.getvalue(), plot.name, plot.title, plot.describe(numbers))


def inline(text: str, name: str, title: str, description: str) -> str:
    """matplotlib's document as a part of a page: named, described, as wide as there is room, IDs of its own."""
    body = re.sub(r" <metadata>.*?</metadata>\n", "", text[text.index("<svg") :], flags=re.DOTALL)
    tag, _, drawing = body.partition(">")
    box = re.search(r'viewBox="[^"]*"', tag)
    assert box is not None
    drawing = re.sub(r'\bid="', f'id="{name}-', drawing)
    drawing = re.sub(r'((?:xlink:)?href="|url\()#', rf"\1#{name}-", drawing)
    named = f'role="img" aria-labelledby="{name}-t" aria-describedby="{name}-d"'
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    head = f"<svg {spaces} {box[0]} {named}>"
    words = f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>'
    return head + words + drawing


def label(text: str, width: int = 24) -> str:
    """A name from the journal, fit for a plot."""
    return shorten(clean(text, UNICODE), width, UNICODE)


def unit(numbers: Numbers) -> tuple[float, str]:
    """What the axis of time counts in: seconds of it, and its name."""
    return next((seconds, name) for above, seconds, name in UNITS if numbers.seconds >= above)


def time_axis(axis: Any, numbers: Numbers) -> float:
    """The whole run from left to right, with its acts as bands and its moments as lines; seconds in a unit."""
    seconds, name = unit(numbers)
    axis.set_xlim(0, max(numbers.seconds, numbers.course.width) / seconds)
    axis.locator_params(axis="x", nbins=9, steps=[1, 2, 5, 10])
    axis.set_xlabel(f"{name} since the run began")
    top = axis.get_xaxis_transform()
    for number, act in enumerate(numbers.chapters.acts, 1):
        begin = numbers.since_began(act.began) / seconds
        end = (numbers.seconds if act.ended is None else numbers.since_began(act.ended)) / seconds
        axis.axvspan(begin, end, color="#e8edf3" if number % 2 else "#f5f7f9", zorder=0, linewidth=0)
        axis.text((begin + end) / 2, 1.09, str(number), transform=top, ha="center", va="bottom", fontweight="bold")
    shown = -1.0
    for moment in numbers.fold.moments:
        if moment.what == "act":
            continue
        at = numbers.since_began(moment.time) / seconds
        axis.axvline(at, color=QUIET, linestyle=":", linewidth=0.8, zorder=1)
        if (at - shown) * seconds > numbers.seconds / 40:  # letters must not lie on each other
            axis.text(at, 1.01, letter(moment.number), transform=top, ha="center", va="bottom", color=QUIET, fontsize=9)
            shown = at
    return seconds
