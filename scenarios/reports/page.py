"""The report of a recorded run: one HTML page that needs no network and no script."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import jinja2
from markupsafe import Markup

from scenarios import __version__
from scenarios.boards.words import count, percent
from scenarios.errors import LabError
from scenarios.reports import tables
from scenarios.reports.numbers import Numbers
from scenarios.reports.plots import PLOTS
from scenarios.reports.plots.canvas import svg
from scenarios.reports.plots.servers import in_order
from scenarios.reports.plots.survival import strata

HERE = Path(__file__).parent
GENERATOR = '<meta name="generator" content="Session Lab'
BEGINNING = 400  # bytes of a page within which its generator stands


def render(numbers: Numbers) -> str:
    """The page. The same journal and version give the same bytes."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    servers = numbers.course.servers()
    page = environment.get_template("page.html").render(
        version=__version__,
        style=Markup((HERE / "style.css").read_text()),
        name=(numbers.header.get("settings") or {}).get("scenario") or "A recorded run",
        verdict=tables.verdict(numbers),
        numbers=numbers,
        facts=tables.facts(numbers),
        acts=tables.acts(numbers),
        plots={
            name: (plot, Markup(svg(plot, numbers)) if plot.shows(numbers) else None) for name, plot in PLOTS.items()
        },
        servers=[
            (name, count(one.requests), count(one.with_session), count(one.logged_out), percent(one.rate))
            for name, one in ((name, servers[name]) for name in in_order(list(servers)))
        ],
        lifetimes=[
            (name, count(lives.sessions), count(sum(lives.lost.values())), lives.median())
            for name, lives in strata(numbers).items()
        ],
        latencies=[(name or "-", *tables.durations(one)) for name, one in numbers.stores.items()],
        words=tables.words(numbers),
        moments=tables.moments(numbers),
        left_out=numbers.fold.moment_count - len(numbers.fold.moments),
    )
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", page)  # a narrow phone would part them


def write(page: str, path: Path) -> None:
    """Put the page there, whole or not at all. An earlier report is replaced, any other file refused: LabError."""
    try:
        if path.is_file() and path.stat().st_size and GENERATOR not in beginning(path):
            raise LabError(f"{path} exists and is no report, so it was left alone; name another file with -o")
        handle, new = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(handle, "w", encoding="utf-8") as file:
                file.write(page)
            os.chmod(new, 0o644)
            os.replace(new, path)
        except BaseException:
            os.unlink(new)
            raise
    except OSError as error:
        raise LabError(f"cannot write {path}: {error.strerror}; name a file you may write with -o") from None


def beginning(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(BEGINNING)
