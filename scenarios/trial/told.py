"""The trials as one table: behind each balancer what the users felt, and theory on top of each step."""

from collections.abc import Iterator, Sequence
from typing import Any

from scenarios.boards.lines import Line
from scenarios.boards.report import Report
from scenarios.boards.table import Cell, table
from scenarios.boards.words import percent

HEADS = ("step", "behind", "logged out", "users out", "moved", "failed", "CPU us")
FOOT = (
    "logged out: of the requests that showed a wristband. users out: met the login",
    "page in the midst of a visit. moved: users whom another server answered than",
    "before. failed: requests that got a 5xx or no answer. CPU us: of the balancer's",
    "processes, for a request. All but ours write an access log, too: the lab counts",
    "by it.",
)

Row = dict[str, Any]


def report(rows: Sequence[Row]) -> Report:
    return Report(lambda width, glyphs: _lines(rows))


def _lines(rows: Sequence[Row]) -> Iterator[Line]:
    yield from table(HEADS, cells(rows), {"step", "behind"}, 2)
    yield []
    for row in rows:
        if not row["agrees"]:
            yield [("  disagrees with theory: ", "BAD"), (f"{row['step']} behind {row['behind']}", "")]
    for line in FOOT:
        yield [(f" {line}", "quiet")]


def cells(rows: Sequence[Row]) -> list[list[Cell]]:
    """Step by step: theory, then each balancer."""
    found: list[list[Cell]] = []
    for step in dict.fromkeys(row["step"] for row in rows):
        of_step = [row for row in rows if row["step"] == step]
        found += [theory(of_step[0]), *map(measured, of_step)]
    return found


def theory(row: Row) -> list[Cell]:
    moved = row["theory_moved"]
    told = "-" if moved is None else percent(moved)
    numbers = (percent(row["theory_rate"]), "", told, "", "")
    return [(row["step"], "strong"), ("theory", "theory"), *((text, "theory") for text in numbers)]


def measured(row: Row) -> list[Cell]:
    rate = row["logged_out"] / row["with_session"] if row["with_session"] else None
    moved = percent(row["users_moved"] / row["users"]) if row["theory_moved"] is not None else "-"
    cpu = "-" if row["cpu_us"] is None else f"{row['cpu_us']:.0f}"
    return [
        ("", ""),
        (row["behind"], ""),
        (percent(rate), "bad" if rate else "good"),
        (percent(row["users_out"] / row["users"]), ""),
        (moved, ""),
        (f"{row['failed']:,}", "bad" if row["failed"] else "good"),
        (cpu, "quiet"),
    ]
