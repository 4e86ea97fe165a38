"""Runs, and labs that are started, changed and stopped, with the commands people use."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import LAB, Lab

RAISES = "async def play(lab):\n    1 / 0\n"
ENDLESS = "import asyncio\nasync def play(lab):\n    await asyncio.Event().wait()\n"
FAILS = """
START = {"servers": 2}
async def play(lab):
    async with lab.act("wrong", "Says that nobody is logged out at two servers.", law=0.0) as act:
        await act.shop(200)
"""


SHORT = """
async def play(lab):
    async with lab.act("short", "One server, and one logbook for it.", law=0.0) as act:
        await act.shop(200)
"""


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (RAISES, "ZeroDivisionError: division by zero (line 2 of"),
        (ENDLESS, "did not end within 1 s"),
        ("def play(lab): pass", "has no `async def play(lab)`"),
        ("async def play(lab:", "SyntaxError"),
    ],
)
def test_a_script_that_cannot_be_played(lab: Lab, tmp_path: Path, script: str, said: str) -> None:
    (tmp_path / "mine.py").write_text(script)
    done = lab("run", "mine.py", "--limit", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_a_redis_that_is_not_there_is_said_before_the_play(lab: Lab) -> None:
    done = lab("run", "keeps-logging-out", REDIS_URL="redis://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (2, "")
    told = "lab: REDIS_URL: nobody answers at 127.0.0.1:1: start Redis there, or unset REDIS_URL"
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1


def test_a_verdict_of_fail_is_exit_code_1(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FAILS)
    done = lab("run", "mine.py", "--json")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["verdict"] == "fail"


def test_a_run_its_record_its_journal_and_its_replay(lab: Lab, tmp_path: Path) -> None:
    done = lab("run", "five-servers", "--seed", "7", "--json", "--journal", "run.jsonl")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert {key: result[key] for key in ("scenario", "seed", "verdict")} == {
        "scenario": "five-servers",
        "seed": 7,
        "verdict": "pass",
    }
    for act in result["acts"]:
        assert act.keys() >= {
            "name", "servers", "store", "policy", "requests", "with_session", "logged_out", "logout_rate", "ci95",
            "theory_rate", "verdict",
        }  # fmt: skip
    head, *_, last = map(json.loads, (tmp_path / "run.jsonl").read_text().splitlines())
    assert (head["seed"], last["kind"]) == (7, "end")
    shown = lab("replay", "run.jsonl", "--speed", "inf")
    assert shown.returncode == 0, shown.stderr
    with_session = sum(act["with_session"] for act in result["acts"])
    logged_out = sum(act["logged_out"] for act in result["acts"])
    told = re.search(r"In all: .* ([\d,]+) with a wristband, ([\d,]+) logged out", shown.stdout)
    assert told, shown.stdout
    assert (int(told[1].replace(",", "")), int(told[2].replace(",", ""))) == (with_session, logged_out)


NOTHING = SHORT.replace("shop(200)", "shop(1)")


def test_an_act_that_measured_nothing_fails_and_is_recorded(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(NOTHING)
    done = lab("run", "mine.py", "--journal", "run.jsonl")
    assert (done.returncode, done.stderr) == (1, "")
    assert "fail  logout rate: measured nothing, theory exactly 0 %" in done.stdout
    assert lab("replay", "run.jsonl", "--speed", "inf").returncode == 0
    (check, *_) = json.loads(lab("run", "mine.py", "--json").stdout)["acts"][0]["checks"]
    assert check["measured"] is None


@pytest.mark.slow
def test_a_run_is_kept_unless_it_must_not_be(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SHORT)
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    done = lab("run", "mine.py", **state)
    assert (done.returncode, done.stderr) == (0, "")
    (kept,) = (tmp_path / "state" / "session-lab" / "runs").iterdir()
    assert done.stdout.splitlines()[-1] == f"  Recorded: {kept}"
    assert json.loads(kept.read_text().splitlines()[-1])["events"] > 60
    for words in (["--no-journal"], ["--journal", "named.jsonl"]):
        done = lab("run", "mine.py", *words, **state)
        assert (done.returncode, done.stderr) == (0, "")
        assert ("Recorded: " in done.stdout) == (words[0] == "--journal")
    assert [kept] == list(kept.parent.iterdir())
    nowhere = lab("run", "mine.py", XDG_STATE_HOME="/proc")
    assert nowhere.returncode == 0
    assert nowhere.stderr.startswith("lab: this run is not recorded: ")
    assert nowhere.stderr.count("\n") == 1
    both = lab("run", "mine.py", "--no-journal", "--journal", "x")
    assert (both.returncode, both.stdout) == (2, "")


def test_a_report_in_a_pipe_has_no_control_codes(lab: Lab) -> None:
    done = lab("run", "five-servers")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "Verdict: pass" in done.stdout


def test_a_lab_is_started_changed_and_stopped(lab: Lab, up: str) -> None:
    def state() -> dict[str, object]:
        return dict(json.loads(lab("status", "--json").stdout))

    assert (state()["url"], state()["store"], state()["policy"]) == (up, "memory", "round_robin")
    assert "store: redis, 0 sessions carried over" in lab("switch", "--store", "redis", "--migrate").stdout
    assert lab("switch", "--store", "sqlite").stdout == (
        "store: sqlite\nEverybody logs in again: the sessions have stayed in redis (--migrate carries them over).\n"
    )
    assert lab("switch", "--store", "redis", "--migrate").returncode == 0
    assert lab("switch", "--policy", "sticky_cookie").stdout == "policy: sticky_cookie\n"
    assert (state()["store"], state()["policy"]) == ("redis", "sticky_cookie")
    assert lab("scale", "5").stdout == "5 servers: server-1, server-2, server-3, server-4, server-5\n"
    assert lab("kill", "2").stdout == "server-2: killed\n"
    assert re.search(r"^server-2 .* -  down ", lab("status").stdout, re.MULTILINE)
    assert lab("restart", "server-2").stdout == "server-2: restarted\n"
    assert lab("pause", "3").stdout == "server-3: paused\n"
    assert re.search(r"^server-3 .* paused ", lab("status").stdout, re.MULTILINE)
    assert lab("resume", "3").stdout == "server-3: resumed\n"
    assert lab("partition", "3").stdout == "server-3: cut off; it lives, and no packet reaches it\n"
    assert re.search(r"^server-3 .* cut off ", lab("status").stdout, re.MULTILINE)
    refused = lab("slow", "3", "--delay", "0.1")
    told = "lab: server-3 is cut off: reconnect it first (lab reconnect server-3)\n"
    assert (refused.returncode, refused.stderr) == (2, told)
    assert lab("reconnect", "3").stdout == "server-3: its network is whole again\n"
    slow = lab("slow", "3", "--delay", "200ms", "--jitter", "50ms", "--rate", "100").stdout
    assert slow == "server-3: slow, 200 ms +- 50 ms, 100 kB/s\n"
    assert re.search(r"^server-3 .* slow ", lab("status").stdout, re.MULTILINE)
    assert "since slow server-3, 200 ms +- 50 ms, 100 kB/s" in lab("status").stdout
    assert lab("reconnect", "3").returncode == 0
    assert lab("drain", "3").stdout == "server-3: gets no new users\n"
    assert re.search(r"^server-3 .* draining ", lab("status").stdout, re.MULTILINE)
    assert "since drained server-3" in lab("status").stdout
    assert lab("undrain", "3").stdout == "server-3: gets new users again\n"
    assert lab("users", "4").stdout == "4 users, 0 before\n"
    wrong = lab("kill", "sevrer-4")
    assert (wrong.returncode, wrong.stderr) == (2, "lab: no server is called 'sevrer-4'; did you mean server-4?\n")
    assert lab("down").stdout == "lab: stopped, nothing is left of it\n"
    assert lab("status").returncode == 2


def test_a_second_lab_of_the_same_name_and_one_beside_it(lab: Lab, up: str) -> None:
    again = lab("up", "--detach")
    assert again.returncode == 2
    assert again.stderr == "lab: a lab named 'lab' is running: end it (lab down --name lab) or use another --name\n"
    beside = lab("up", "--detach", "--name", "second")
    assert beside.returncode == 0, beside.stderr
    assert "status --name second" in beside.stdout
    assert json.loads(lab("status", "--json").stdout)["url"] == up
    assert lab("down", "--name", "second").returncode == 0


def test_a_port_that_is_taken(lab: Lab, up: str) -> None:
    port = up.rpartition(":")[2]
    for more in ((), ("--detach",)):
        done = lab("up", "--name", "second", "--port", port, *more)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"lab: port {port} on 127.0.0.1 is taken: choose another, or 0 for any free one\n"


def test_a_scenario_on_a_running_lab_whose_users_rest_meanwhile(lab: Lab) -> None:
    assert lab("up", "--servers", "5", "--users", "5", "--detach").returncode == 0
    done = lab("play", "five-servers", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    acts = json.loads(done.stdout)["acts"]
    assert all(check["passed"] for act in acts for check in act["checks"])
    before = json.loads(lab("status", "--json").stdout)["requests"]
    deadline = time.monotonic() + 10
    while json.loads(lab("status", "--json").stdout)["requests"] == before:
        assert time.monotonic() < deadline, "the users should be back at work"


def test_a_lab_that_was_killed_leaves_its_name_free(lab: Lab, up: str, environ: dict[str, str]) -> None:
    (note,) = Path(environ["XDG_RUNTIME_DIR"]).glob("session-lab/lab/lab.json")
    os.kill(json.loads(note.read_text())["pid"], signal.SIGKILL)
    assert lab("up", "--detach").returncode == 0


def test_only_one_plays_on_a_lab_and_its_users_come_back_however_that_one_ends(
    lab: Lab, up: str, environ: dict[str, str], tmp_path: Path
) -> None:
    def about() -> dict[str, Any]:
        return dict(json.loads(lab("status", "--json").stdout))

    (tmp_path / "endless.py").write_text(ENDLESS)
    assert lab("users", "5").returncode == 0
    with subprocess.Popen([*LAB, "play", "endless.py"], env=environ, cwd=tmp_path) as playing:
        while not about()["playing"]:
            assert playing.poll() is None
        second = lab("play", "five-servers")
        assert (second.returncode, second.stdout) == (2, "")
        told = r"lab: endless.py is being played on this lab since \d\d:\d\d:\d\d: wait for its end\n"
        assert re.fullmatch(told, second.stderr), second.stderr
        resting = about()["requests"]
        assert about()["requests"] == resting
        playing.kill()
    deadline = time.monotonic() + 10
    while about()["requests"] == resting:
        assert time.monotonic() < deadline, "the users should be back at work"
    assert about()["playing"] is None


def test_metrics_of_a_lab(lab: Lab) -> None:
    done = lab("up", "--users", "3", "--admin", "0", "--detach")
    (url,) = re.findall(r"^Metrics for Prometheus: (http://127\.0\.0\.1:\d+/metrics)$", done.stdout, re.MULTILINE)
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert b"\nbalancer_logouts_total " in answer.read()
    again = lab("up", "--name", "second", "--admin", re.split("[:/]", url)[4], "--detach")
    assert again.returncode == 2
    assert re.fullmatch(r"lab: port \d+ on 127\.0\.0\.1 is taken: choose another, or 0 .*\n", again.stderr)
