"""The benchmark of the balancer runs, and what it prints can be read by a program."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.works import WORKS

BENCH = Path(__file__).parent / "balancer.py"
needs_tools = pytest.mark.skipif(not (shutil.which("wrk") and shutil.which("nginx")), reason="wrk asks, nginx answers")


def run(*works: str) -> list[dict[str, Any]]:
    command = [sys.executable, str(BENCH), "--rounds", "1", "--seconds", "1", "--json", "--work", *works]
    results: list[dict[str, Any]] = json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=110).stdout
    )
    return results


@pytest.mark.slow
@needs_tools
def test_one_short_round() -> None:
    (result,) = run("plain")
    ours, nginx = result["medians"]["ours"]["us"], result["medians"]["nginx"]["us"]
    assert ours > 0
    assert result["ratios"]["nginx"]["us"]["median"] == pytest.approx(ours / nginx, rel=0.05)
    assert result["rounds"] == 1


@pytest.mark.slow
@needs_tools
def test_other_generators_backends_and_readers() -> None:
    results = run("up-1m", "down-1m", "told", "chunked", "sticky-back")
    assert [result["work"] for result in results] == ["up-1m", "down-1m", "told", "chunked", "sticky-back"]
    assert all(result["medians"]["ours"]["us"] > 0 for result in results)


def test_every_goal_names_a_side_and_figures_that_are_measured() -> None:
    for work in WORKS.values():
        assert work.beside in work.sides
        assert set(work.judged) <= {"us", "mib", "p50_ms", "p99_ms"}
