"""The benchmark of the balancer runs, and what it prints can be read by a program."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent / "balancer.py"


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("wrk") and shutil.which("nginx")), reason="wrk asks, and nginx answers")
def test_one_short_round() -> None:
    command = [sys.executable, str(BENCH), "--rounds", "1", "--seconds", "1", "--json"]
    result = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=100).stdout)
    ours, nginx = result["us_per_request"]["ours"], result["us_per_request"]["nginx"]
    assert ours > 0
    assert result["ratio_of_ours"]["nginx"]["median"] == pytest.approx(ours / nginx, rel=0.05)
    assert result["rounds"] == 1
