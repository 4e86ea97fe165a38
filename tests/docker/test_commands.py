"""What starts a lab does so in containers, too; and what joins a lab need not know where it runs."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.cli.processes import LAB, Done, Lab, folders
from tests.docker.conftest import CHECKOUT, ours
from tests.docker.visitors import clicks

SCRIPT = '''"""Two servers that know only their own."""

START = {"servers": 2}


async def play(lab):
    async with lab.act("apart", "Every second click is a stranger's.", 0.5) as act:
        await act.shop(200)
'''


@dataclass
class Running:
    """A lab in the background, and the commands in its runtime folder."""

    runtime: Path
    environ: dict[str, str]
    metrics: str = ""

    def do(self, *words: str) -> Done:
        return subprocess.run(
            [*LAB, *words], env=self.environ, cwd=self.runtime, capture_output=True, text=True, timeout=100
        )

    def told(self, *words: str) -> str:
        """What it prints."""
        done = self.do(*words)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.told("status", "--json"))
        return found


@pytest.fixture(scope="module")
def running(docker_environ: dict[str, str], short_folder: Path) -> Iterator[Running]:
    runtime = Path(tempfile.mkdtemp(dir=short_folder))
    environ = {**docker_environ, "PYTHONPATH": str(CHECKOUT), "XDG_RUNTIME_DIR": str(runtime), "COLUMNS": "100"}
    lab = Running(runtime, environ)
    opened = lab.told("up", "--admin", "0", "--cluster", "docker", "--detach")
    lab.metrics = opened.partition("Metrics for Prometheus: ")[2].split()[0]
    yield lab
    assert lab.told("down") == "lab: stopped, nothing is left of it\n"
    assert ours(runtime) == []
    assert folders(runtime) == []


@pytest.fixture
def joined(running: Running) -> Running:
    """Three servers that know only their own, and six users, whatever the test before did."""
    running.told("switch", "--store", "memory", "--policy", "round_robin")
    running.told("scale", "3")
    running.told("users", "6")
    return running


def test_it_is_looked_at(joined: Running) -> None:
    shown = joined.told("status")
    assert "3 servers, store memory, round_robin, 6 users" in shown
    assert shown.count(" up ") == 3
    assert "server-3" in joined.told("logbooks")
    assert b'backend="server-3"' in urlopen(joined.metrics, timeout=10).read()
    traced = joined.told("trace", "--user", "ravi", "--clicks", "2")
    assert "server-" in traced
    words = [*LAB, "watch", "--board", "lines"]
    with subprocess.Popen(words, env=joined.environ, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        first = watching.stdout.readline()
        watching.terminate()
    assert "as it stands: 3 servers, store memory, round_robin, theory 66.7 %" in first


def test_it_is_changed(joined: Running) -> None:
    assert joined.told("users", "12") == "12 users, 6 before\n"
    moved = joined.told("switch", "--store", "redis", "--migrate")
    assert moved.startswith("store: redis, ")
    joined.told("scale", "5")
    for command in ("kill", "restart", "pause", "resume", "drain", "undrain"):
        joined.told(command, "server-2")
    joined.told("scale", "3")
    found = joined.state()
    assert (found["store"], found["users"]) == ("redis", 12)
    assert [(server["name"], server["health"]) for server in found["servers"]] == [
        ("server-1", "up"),
        ("server-2", "up"),
        ("server-3", "up"),
    ]
    assert clicks(found["url"], 9)[0] == {"hit": 9}


def test_it_is_played_on_and_the_record_is_like_any_other(joined: Running) -> None:
    played = joined.do("play", "five-servers", "--journal", "one.jsonl")
    assert (played.returncode, "Verdict: pass" in played.stdout) == (0, True), played.stderr
    assert "act many-clicks: pass" in joined.told("replay", "one.jsonl")
    joined.told("report", "one.jsonl", "-o", "one.html")
    joined.told("compare", "one.jsonl", "one.jsonl")


def test_locusts_users_join_it(joined: Running) -> None:
    shown = joined.told("load", "--users", "20", "--run-time", "4", "--think", "0.2")
    assert "20 users on the running lab 'lab'" in shown
    assert "balancer   " in shown


@pytest.mark.parametrize("words", ["trace login --servers 2", "load --servers 2 --users 10 --run-time 3 --think 0.2"])
def test_other_commands_start_one_of_their_own(lab: Lab, words: str) -> None:
    done = lab(*words.split(), "--cluster", "docker")
    assert done.returncode == 0, done.stderr
    assert "server-1" in done.stdout or "a lab of its own" in done.stdout


def test_a_sweep(lab: Lab, tmp_path: Path) -> None:
    done = lab("sweep", "--servers", "1,3", "--requests", "100", "--cluster", "docker", "-o", str(tmp_path / "grid"))
    assert done.returncode == 0, done.stderr
    assert "2 of 2 cells agree with theory" in done.stdout


def test_a_script_of_ones_own(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "apart.py").write_text(SCRIPT)
    done = lab("run", str(tmp_path / "apart.py"), "--cluster", "docker", "--json", "--no-journal")
    assert done.returncode == 0, done.stderr
    (act,) = json.loads(done.stdout)["acts"]
    assert 0.4 < act["logout_rate"] < 0.6


def test_two_runs_and_a_lab_of_processes_side_by_side(lab: Lab, environ: dict[str, str]) -> None:
    """None of them sees the others, or takes anything of theirs away."""
    words = ["run", "five-servers", "--no-journal", "--json"]
    runs = [
        subprocess.Popen([*LAB, *words, *where], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for where in (["--cluster", "docker"], ["--cluster", "docker"], ["--cluster", "processes"])
    ]
    for run in runs:
        out, err = run.communicate(timeout=200)
        assert run.returncode == 0, err
        assert json.loads(out)["verdict"] == "pass"
