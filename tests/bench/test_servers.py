"""The benchmark of the servers runs, and what it prints can be read by a program."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent / "servers.py"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk makes the load")
def test_one_short_round() -> None:
    command = [sys.executable, str(BENCH), "--rounds", "1", "--seconds", "1", "--only", "bare,redis", "--json"]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=100).stdout)
    bare, redis = report["rows"]
    assert (bare["name"], redis["name"]) == ("bare", "redis")
    assert 0 < bare["cpu_us"] < redis["cpu_us"]
    assert redis["over_bare_us"] == pytest.approx(redis["cpu_us"] - bare["cpu_us"], abs=0.2)


def test_an_unknown_contestant_is_refused() -> None:
    done = subprocess.run([sys.executable, str(BENCH), "--only", "perl"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "known: bare, memory, redis" in done.stderr
