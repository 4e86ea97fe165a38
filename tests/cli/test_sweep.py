"""`lab sweep`, stopped and gone on with."""

import csv
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.processes import LAB, Lab

ASKED = ["sweep", "--servers", "1,4", "--policy", "round_robin,sticky_cookie", "--requests", "200", "-o", "grid"]


@pytest.mark.slow
def test_stopped_by_ctrl_c_it_goes_on_from_there(lab: Lab, environ: dict[str, str], tmp_path: Path) -> None:
    with subprocess.Popen(
        [*LAB, *ASKED], env=environ, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as sweeping:
        assert sweeping.stderr is not None
        first = sweeping.stderr.readline()
        sweeping.send_signal(signal.SIGINT)
        _, rest = sweeping.communicate(timeout=30)
        assert sweeping.returncode == 130
    assert first.startswith("1/4  0.0 %")
    assert "the same command goes on from there" in rest
    kept = (tmp_path / "grid" / "cells.jsonl").read_text()
    done = lab(*ASKED)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "grid" / "cells.jsonl").read_text().startswith(kept)
    assert "4 of 4 cells agree with theory" in done.stdout
    with (tmp_path / "grid" / "sweep.csv").open() as file:
        rates = {(row["servers"], row["policy"]): float(row["logout_rate"]) for row in csv.DictReader(file)}
    assert rates[("1", "round_robin")] == rates[("1", "sticky_cookie")] == rates[("4", "sticky_cookie")] == 0
    assert 0.55 < rates[("4", "round_robin")] < 0.95
    assert (tmp_path / "grid" / "sweep.svg").stat().st_size > 5000
    again = lab(*ASKED)
    assert (again.returncode, again.stderr) == (0, "")
    other = lab(*ASKED[:-2], "--seed", "2", "-o", "grid")
    assert (other.returncode, other.stdout) == (2, "")
    assert "another sweep (it differs in seed)" in other.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--servers", "3..1"], "'3..1' is no number of servers; write 1..10 or 1,2,5"),
        (["--policy", "round_robbin"], "did you mean round_robin?"),
        (["--store", "memory,"], "no store is called ''"),
        (["--servers", "40"], "needs 80 users or more"),
        (["-o", "/proc/sweep"], "cannot use the folder"),
    ],
)
def test_words_that_make_no_sense(lab: Lab, words: list[str], said: str) -> None:
    done = lab("sweep", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
