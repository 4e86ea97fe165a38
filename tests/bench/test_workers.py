"""The benchmark of workers runs, and its scale is what follows from its figures."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent / "workers.py"
needs_tools = pytest.mark.skipif(not (shutil.which("wrk") and shutil.which("nginx")), reason="wrk asks, nginx answers")


@pytest.mark.slow
@needs_tools
def test_one_short_round() -> None:
    command = [sys.executable, str(BENCH), "--rounds", "1", "--seconds", "1", "--json", "--connections", "16"]
    result = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=110).stdout)
    (row,) = result["rows"]
    one, two = row["us_per_request"]
    busier = row["busier"]
    assert one > 0
    assert 0.5 <= busier["requests"] < 1
    assert 0.5 <= busier["connections"] < 1
    assert row["scale"]["median"] == pytest.approx(one / two / max(busier.values()), rel=0.02)
    assert min(row["shared_cores_per_second"]) > 0
