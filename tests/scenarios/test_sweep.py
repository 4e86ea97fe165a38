"""A grid of cells: what is asked for, what is kept, what is told."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from scenarios.errors import LabError
from scenarios.sweep import plot
from scenarios.sweep.folder import Folder
from scenarios.sweep.grid import Cell, Grid, numbers
from scenarios.sweep.told import disagreeing, in_order, report, write_csv

GRID = Grid((1, 2), ("memory", "redis"), ("round_robin", "sticky_cookie"), ("keep",), 100, 60, 1)


def record(cell: Cell, out: int = 0, verdict: str = "pass") -> dict[str, Any]:
    check = {"name": "logout rate", "measured": out / 100, "expected": "50.0%", "passed": verdict == "pass"}
    return {
        "servers": cell.servers, "store": cell.store, "policy": cell.policy, "on_unknown": cell.on_unknown,
        "requests": 120, "with_session": 100, "logged_out": out, "logout_rate": out / 100, "ci95": [0.0, out / 100],
        "theory_rate": 0.5, "verdict": verdict, "checks": [check],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [("3", (3,)), ("1..4", (1, 2, 3, 4)), ("5,1,5", (1, 5)), ("2..3,8", (2, 3, 8))],
)
def test_numbers(text: str, found: tuple[int, ...]) -> None:
    assert numbers(text, 10) == found


@pytest.mark.parametrize("text", ["", "0", "11", "4..2", "1...3", "a", "1..", "..3", "1,,2", "-1"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        numbers(text, 10)


def test_every_combination_once() -> None:
    cells = list(GRID.cells())
    assert len(cells) == len(set(cells)) == 8
    assert cells[0] == Cell(1, "memory", "round_robin", "keep")


def test_a_grid_in_which_users_would_fall_into_step_is_refused() -> None:
    with pytest.raises(LabError, match="40 users or more"):
        Grid((20,), ("memory",), ("round_robin",), ("keep",), 100, 39, 1)
    Grid((20,), ("memory",), ("random",), ("keep",), 100, 39, 1)


def test_a_folder_goes_on_where_it_was_left(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "sweep", GRID)
    first, second, *_ = GRID.cells()
    folder.add(first, record(first))
    folder.add(second, record(second, 50))
    with (tmp_path / "sweep" / "cells.jsonl").open("a") as file:
        file.write('{"servers": 1, "sto')  # killed while it wrote
    again = Folder(tmp_path / "sweep", GRID)
    assert list(again.done) == [first, second]
    third = list(GRID.cells())[2]
    again.add(third, record(third))
    assert list(Folder(tmp_path / "sweep", GRID).done) == [first, second, third]


def test_a_folder_of_another_sweep_is_left_alone(tmp_path: Path) -> None:
    Folder(tmp_path, GRID)
    other = Grid((1, 2, 3), *list(GRID.__dict__.values())[1:6], seed=2)
    with pytest.raises(LabError, match=r"differs in servers, seed"):
        Folder(tmp_path, other)
    assert json.loads((tmp_path / "sweep.json").read_text())["seed"] == 1


def test_a_folder_from_before_there_were_containers_goes_on_with_processes(tmp_path: Path) -> None:
    Folder(tmp_path, GRID)
    note = tmp_path / "sweep.json"
    note.write_text(json.dumps({key: value for key, value in json.loads(note.read_text()).items() if key != "cluster"}))
    Folder(tmp_path, GRID)
    with pytest.raises(LabError, match=r"differs in cluster\)"):
        Folder(tmp_path, replace(GRID, cluster="docker"))


@pytest.mark.parametrize("note", ["", "[]", "{", '{"sweep": 0}'])
def test_a_note_that_is_none(tmp_path: Path, note: str) -> None:
    (tmp_path / "sweep.json").write_text(note)
    with pytest.raises(LabError, match="another sweep"):
        Folder(tmp_path, GRID)


def test_a_folder_with_other_things_in_it(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(LabError, match="holds other things"):
        Folder(tmp_path, GRID)
    with pytest.raises(LabError, match="cannot use the folder"):
        Folder(tmp_path / "thesis.tex", GRID)


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    Folder(tmp_path, GRID)
    (tmp_path / "cells.jsonl").write_text('{"servers": 1}\n')
    with pytest.raises(LabError, match="line 1 was changed"):
        Folder(tmp_path, GRID)


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_names_the_cells_that_disagree(width: int) -> None:
    cells = list(GRID.cells())
    records = {cell: record(cell, 30, "fail" if cell == cells[3] else "pass") for cell in cells}
    assert disagreeing(records) == [cells[3]]
    console = Console(file=io.StringIO(), width=width)
    console.print(report(records))
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    lines = printed.splitlines()
    assert max(map(len, lines[:9])) <= width
    assert "7 of 8 cells agree with theory" in printed
    assert "disagrees: 2 servers, store memory, policy sticky_cookie" in printed
    assert "sticky_cookie's law takes for granted: browsers keep the balancer's cookie" in printed
    assert lines[4].endswith("fail")


def test_the_csv_has_the_grids_order_and_fractions(tmp_path: Path) -> None:
    cells = list(GRID.cells())
    records = in_order({cell: record(cell, 30) for cell in reversed(cells)}, cells)
    write_csv(tmp_path / "sweep.csv", records)
    rows = list(csv.DictReader((tmp_path / "sweep.csv").open()))
    assert [int(row["servers"]) for row in rows] == [cell.servers for cell in cells]
    assert {row["logout_rate"] for row in rows} == {"0.3"}


def test_the_plot_is_the_same_for_the_same_figures(tmp_path: Path) -> None:
    records = {cell: record(cell, 30) for cell in GRID.cells()}
    plot.draw(records, tmp_path / "one.svg")
    plot.draw(records, tmp_path / "two.svg")
    drawn = (tmp_path / "one.svg").read_bytes()
    assert drawn == (tmp_path / "two.svg").read_bytes()
    words = {text.text for text in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")}
    assert {"memory, round_robin", "redis, sticky_cookie", "theory", "servers"} <= words


def test_no_folders_are_made_on_the_way_to_one_that_was_mistyped(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="No such file or directory; name another with -o"):
        Folder(tmp_path / "no" / "such", GRID)
    assert list(tmp_path.iterdir()) == []
