"""What parts cost: the benchmark runs, and its figures come to what they should with more servers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.capacity import BUSY, capacity, fed_by_one_redis

BENCH = Path(__file__).parent / "parts.py"
BUSIEST = {"think": 0.0, "server_us": 200.0, "balancer_us": 40.0, "connections_each": 2.0}
FIGURES = {
    "command_us": 8.0,
    "rows": [
        {**BUSIEST, "think": 0.1, "server_us": 300.0, "commands": {"mget": 9.0}},
        {**BUSIEST, "commands": {"mget": 1.0, "set": 0.25}},
    ],
}


def test_what_more_servers_bring_about() -> None:
    """Each does 3,500 requests a second, a quarter of which also save: 35 ms of Redis."""
    ten, thousand = capacity(10, FIGURES), capacity(1000, FIGURES)
    assert (ten.requests, ten.commands, ten.connections) == (35_000, 43_750, 20)
    assert (ten.balancer_cores, ten.redis_nodes) == (2, 1)
    assert ten.redis_cores == pytest.approx(0.35)
    assert fed_by_one_redis(FIGURES) == 20
    assert capacity(20, FIGURES).redis_cores == pytest.approx(BUSY)
    assert (thousand.redis_nodes, thousand.balancer_cores) == (50, 200)


@pytest.mark.slow
def test_one_short_round() -> None:
    command = [sys.executable, str(BENCH), "--rounds", "1", "--requests", "400", "--think", "0", "--json"]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=100).stdout)
    (row,) = report["rows"]
    assert row["commands"].keys() >= {"mget", "set"}
    assert 0 < row["redis_us"] < row["server_us"]
    assert report["command_us"] > 0
    assert row["connections_each"] >= 1
    assert row["session_bytes"] > 100
