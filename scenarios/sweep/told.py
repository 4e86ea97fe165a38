"""The grid as a table, as CSV, and the cells that disagree with theory, by name."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scenarios.boards.lines import Line
from scenarios.boards.report import Report
from scenarios.boards.table import Cell as TableCell
from scenarios.boards.table import table, widths
from scenarios.boards.words import counted, interval, percent
from scenarios.errors import LabError
from scenarios.sweep.grid import Cell
from scenarios.theory import HOLDS_WHEN

HEADS = ("servers", "store", "policy", "unknown", "measured", "95 % interval", "theory", "verdict")
COLUMNS = (
    "servers", "store", "policy", "on_unknown", "requests", "with_session", "logged_out", "logout_rate", "ci95_low",
    "ci95_high", "theory_rate", "verdict",
)  # fmt: skip

Records = Mapping[Cell, Mapping[str, Any]]


def report(records: Records) -> Report:
    return Report(lambda width, glyphs: _lines(records, width))


def _lines(records: Records, width: int) -> Iterator[Line]:
    rows = [_row(cell, record) for cell, record in records.items()]
    gap = 2 if sum(widths(HEADS, rows)) + 2 * len(HEADS) <= width else 1
    yield from table(HEADS, rows, {"store", "policy", "unknown", "verdict"}, gap)
    yield []
    wrong = disagreeing(records)
    agree = len(records) - len(wrong)
    yield [(f"  {agree} of {counted(len(records), 'cell')} agree with theory", "strong")]
    for cell in wrong:
        failed = "; ".join(why(records[cell]))
        yield [("  disagrees: ", "BAD"), (f"{cell}: {failed}", "")]
    for policy in dict.fromkeys(cell.policy for cell in wrong):
        yield [(f"  {policy}'s law takes for granted: {HOLDS_WHEN[policy]}", "quiet")]


def _row(cell: Cell, record: Mapping[str, Any]) -> list[TableCell]:
    passed = record["verdict"] == "pass"
    return [
        (str(cell.servers), ""),
        (cell.store, ""),
        (cell.policy, ""),
        (cell.on_unknown, ""),
        (percent(record["logout_rate"]), "bad" if record["logout_rate"] else "good"),
        (interval(record["ci95"]), "quiet"),
        (percent(record["theory_rate"]), "theory"),
        (record["verdict"], "GOOD" if passed else "BAD"),
    ]


def disagreeing(records: Records) -> list[Cell]:
    return [cell for cell, record in records.items() if record["verdict"] != "pass"]


def why(record: Mapping[str, Any]) -> list[str]:
    """Its failed checks, each in a few words."""
    failed = (check for check in record["checks"] if not check["passed"])
    return [f"{check['name']} {_figure(check)}, expected {check['expected']}" for check in failed]


def _figure(check: Mapping[str, Any]) -> str:
    if check["measured"] is None:
        return "nothing measured"
    return percent(check["measured"]) if "%" in check["expected"] else f"{check['measured']:g}"


def write_csv(path: Path, records: Records) -> None:
    """One line a cell; rates are fractions. Raises LabError."""
    try:
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(_values(record) for record in records.values())
    except OSError as error:
        raise LabError(f"cannot write {path}: {error.strerror}; make room, then ask for the same again") from None


def _values(record: Mapping[str, Any]) -> Iterable[Any]:
    low, high = record["ci95"] or ("", "")
    flat: dict[str, Any] = {**record, "ci95_low": low, "ci95_high": high}
    return [flat[column] for column in COLUMNS]


def in_order(records: Records, cells: Iterable[Cell]) -> dict[Cell, Mapping[str, Any]]:
    """The finished ones in the grid's order, whatever order they were played in."""
    return {cell: records[cell] for cell in cells if cell in records}


def one_line(number: int, of: int, cell: Cell, record: Mapping[str, Any]) -> str:
    """A finished cell, for a log."""
    rate, law = percent(record["logout_rate"]), percent(record["theory_rate"])
    verdict = "" if record["verdict"] == "pass" else "  disagrees"
    setting = f"{counted(cell.servers, 'server')}, {cell.store}, {cell.policy}, {cell.on_unknown}"
    return f"{number}/{of}  {rate} (theory {law})  {setting}{verdict}"
