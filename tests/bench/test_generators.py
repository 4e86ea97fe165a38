"""The benchmark of load generators runs, and what it prints can be read by a program."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent / "generators.py"


@pytest.mark.slow
def test_one_short_round() -> None:
    command = [sys.executable, str(BENCH), "--rounds", "1", "--seconds", "1", "--only", "fast,requests,users", "--json"]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=110).stdout)
    rows = {row["name"]: row for row in report["rows"]}
    assert list(rows) == ["fast", "requests", "users"]
    assert 0 < rows["fast"]["cpu_us"] < rows["requests"]["cpu_us"]
    for row in rows.values():
        assert row["per_core"] == pytest.approx(1e6 / row["cpu_us"], rel=0.01)
        assert row["lab_us"] > 0


def test_an_unknown_generator_is_refused() -> None:
    done = subprocess.run([sys.executable, str(BENCH), "--only", "ab"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "known: wrk, fast, requests, ours, users" in done.stderr
