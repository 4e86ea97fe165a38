"""What changed between two runs, and how sure that is."""

import io
import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from scenarios.compare.differences import compare, fisher, newcombe
from scenarios.compare.runs import Act, Side, read
from scenarios.compare.told import report
from scenarios.errors import LabError
from scenarios.folds.durations import Durations
from scenarios.journal import JournalWriter, header


def record(name: str, out: int, of: int, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "servers": 4, "store": "memory", "policy": "round_robin", "requests": of + 5,
        "with_session": of, "logged_out": out, "logout_rate": out / of if of else None, "theory_rate": 0.75,
        "verdict": "pass", "ci95": None, **more,
    }  # fmt: skip


def side(name: str, *acts: Act) -> Side:
    return Side(name, {"seed": name}, {act.record["name"]: act for act in acts})


@pytest.mark.parametrize(
    ("table", "p"),
    [  # from R: fisher.test(matrix(c(a, m-a, b, n-b), 2))$p.value
        ((3, 4, 1, 4), 0.4857142857),  # the lady tasting tea
        ((1, 10, 8, 10), 0.005477494642),
        ((0, 50, 0, 50), 1.0),
        ((0, 1000, 1, 1000), 1.0),
        ((20, 20, 20, 20), 1.0),
    ],
)
def test_fishers_exact_test(table: tuple[int, int, int, int], p: float) -> None:
    assert fisher(*table) == pytest.approx(p, rel=1e-6)
    a, m, b, n = table
    assert fisher(b, n, a, m) == pytest.approx(p, rel=1e-6)


def test_newcombes_own_example() -> None:
    """Table II of the paper, contrast (a): 56/70 - 48/80, method 10."""
    assert newcombe(48, 80, 56, 70) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_the_interval_covers_the_true_difference_as_often_as_it_says() -> None:
    rng = random.Random(5)
    covered = 0
    for _ in range(400):
        a, b = (sum(rng.random() < rate for _ in range(120)) for rate in (0.7, 0.8))
        low, high = newcombe(a, 120, b, 120)
        covered += low <= 0.1 <= high
    assert 0.92 < covered / 400 < 0.98


def test_percentiles_are_within_a_bin_and_their_intervals_cover() -> None:
    rng = random.Random(6)
    covered = 0
    for _ in range(200):
        durations = Durations()
        for _ in range(300):
            durations.add(rng.expovariate(1 / 0.02))
        low, high = durations.interval(0.95) or (0, 0)
        covered += low * 0.975 <= -0.02 * math.log(0.05) <= high * 1.025
    assert 0.92 < covered / 200 <= 1
    assert durations.percentile(0.5) == pytest.approx(0.02 * math.log(2), rel=0.25)
    assert Durations().percentile(0.5) is Durations().interval(0.5) is None


def durations(seconds: float) -> Durations:
    durations = Durations()
    for number in range(200):
        durations.add(seconds * (1 + number / 1000))
    return durations


def test_a_clear_difference_and_none() -> None:
    first = side("A", Act(record("same", 301, 400), durations(0.01)), Act(record("fixed", 301, 400), durations(0.01)))
    second = side("B", Act(record("same", 297, 400), durations(0.01)), Act(record("fixed", 0, 400), durations(0.05)))
    same, fixed = compare(first, second)
    assert same.rate is not None
    assert fixed.rate is not None
    assert (same.rate.clear, fixed.rate.clear) == (False, True)
    assert fixed.rate.low < -0.7525 < fixed.rate.high < 0
    assert [percentile.clear for percentile in same.percentiles] == [False, False]
    assert [percentile.clear for percentile in fixed.percentiles] == [True, True]


def test_what_is_printed() -> None:
    first = side("a.jsonl", Act(record("growth", 301, 400)), Act(record("nobody", 0, 0)), Act(record("old", 0, 9)))
    second = side(
        "b.jsonl",
        Act(record("growth", 0, 400, store="redis", verdict="fail")),
        Act(record("nobody", 0, 0)),
        Act(record("new", 0, 9)),
    )
    console = Console(file=io.StringIO(), width=80)
    console.print(report(first, second))
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, printed.splitlines())) <= 80
    for said in (
        "75.2 %", "<0.001  differs", "no wristbands to compare", "growth: store is memory in A, redis in B",
        "growth: the verdict is pass in A, fail in B", "old: only in A", "new: only in B",
        "seed: a.jsonl in A, b.jsonl in B",
    ):  # fmt: skip
        assert said in printed


def journal(path: Path, *events: dict[str, Any]) -> Path:
    head = header(session_lab="1", python="3", platform="linux", seed=1, settings={"servers": 4}, started=0.0)
    with JournalWriter(str(path), head) as writer:
        for event in events:
            writer.write(event)
    return path


def test_acts_of_a_journal_with_their_own_durations(tmp_path: Path) -> None:
    request = {"kind": "request", "time": 1.0, "server": None, "sent": None, "outcome": None}
    path = journal(
        tmp_path / "run.jsonl",
        {**request, "duration": 9.0},  # before the act
        {"kind": "act", "time": 2.0, "name": "one"},
        {**request, "time": 3.0, "duration": 0.1},
        {"kind": "act_end", "time": 4.0, "act": record("one", 1, 2)},
        {"kind": "act", "time": 5.0, "name": "cut off"},
    )
    read_side = read(path)
    assert list(read_side.acts) == ["one"]
    assert read_side.acts["one"].durations.percentile(1.0) == pytest.approx(0.1, rel=0.03)
    assert read_side.about["servers"] == 4


def test_the_folder_of_a_sweep(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text('{"sweep": 1, "seed": 3}')
    (tmp_path / "cells.jsonl").write_text(json.dumps({**record("cell", 1, 2), "on_unknown": "keep"}) + "\n")
    assert list(read(tmp_path).acts) == ["4, memory, round_robin, keep"]


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no folder of a sweep"):
        read(tmp_path)
    with pytest.raises(LabError, match="no finished act"):
        read(journal(tmp_path / "empty.jsonl"))
    with pytest.raises(LabError, match="cannot read the journal"):
        read(tmp_path / "none.jsonl")
