"""`lab load` as people use it: joined labs and own ones, bounds, what it says, and what it leaves behind."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from scenarios import checks
from tests.cli.processes import LAB, Lab


def number(text: str) -> int:
    return int(text.replace(",", ""))


FAST = ("--users", "20", "--spawn-rate", "20", "--think", "0.05", "--run-time", "2")


@pytest.mark.slow
def test_the_bound_is_broken_before_the_switch_and_kept_after_it(lab: Lab, up: str) -> None:
    before = lab("load", *FAST, "--max-logout-rate", "0.01")
    assert before.returncode == 1, before.stderr
    assert f"20 users on the running lab 'lab': {up}\n3 servers, store memory" in before.stdout
    ((logged_out, with_session),) = re.findall(
        r"^logged out .* ([\d,]+) of ([\d,]+) requests", before.stdout, re.MULTILINE
    )
    assert checks.rate("", number(logged_out), number(with_session), 2 / 3).passed, before.stdout
    assert "theory      66.7 %" in before.stdout
    assert "balancer   the same to the last one" in before.stdout
    assert re.search(r"Broken: \d\d\.\d % logged out; at most 1\.0 % were allowed", before.stdout)

    assert lab("switch", "--store", "redis", "--migrate").returncode == 0
    after = lab("load", *FAST, "--max-logout-rate", "0.01", "--max-p95", "2000")
    assert after.returncode == 0, after.stdout + after.stderr
    assert "logged out   0.0 %   0 of " in after.stdout
    assert "Within bounds." in after.stdout
    for line in (before.stdout + after.stdout).splitlines():
        assert len(line) <= 80, line
        assert "\x1b" not in line


@pytest.mark.slow
def test_a_lab_of_its_own_with_workers(lab: Lab, tmp_path: Path) -> None:
    words = ("--servers", "2", "--policy", "sticky_cookie", "--workers", "2", "--html", "load.html")
    done = lab("load", *FAST, *words, "--max-p95", "0.001")
    assert done.returncode == 1, done.stderr
    assert "a lab of its own" in done.stdout
    assert "balancer   the same to the last one" in done.stdout
    assert re.search(r"Broken: p95 of \d+ ms; at most 0\.001 ms were allowed", done.stdout)
    assert "\nLocust's report: load.html\n" in done.stdout
    rows = re.findall(r"^ +\d:\d\d +(\d+) ", done.stdout, re.MULTILINE)
    assert "0" not in rows, "users who have just been stopped did click"
    assert (tmp_path / "load.html").stat().st_size > 100_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--host http://127.0.0.1:9", "http://127.0.0.1:9 cannot be reached (Connection refused)"),
        ("--host nowhere", "'nowhere' is no URL; give the shop's URL"),
        ("--host http://127.0.0.1:9 --servers 3", "--host is an address as it is"),
        ("--host http://127.0.0.1:9 --cluster processes", "--host is an address as it is"),
        ("--max-logout-rate 75", "'75' is no share; choose 0 to 1"),
        ("--shape square", "square"),
        ("--html no/such/load.html", "no/such/load.html cannot be written: no/such is no folder we may write to"),
        ("--csv no/such/load", "no/such is no folder we may write to; name another --csv"),
        ("--html .", ". is a folder; name another --html"),
        ("--users 0", "'0' is no number of users; choose 1 to 100000"),
    ],
)
def test_bad_input_is_one_line(lab: Lab, words: str, said: str) -> None:
    done = lab("load", *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_port_of_the_web_ui_is_taken(lab: Lab, up: str) -> None:
    port = up.rpartition(":")[2]
    done = lab("load", "--web", "--web-port", port)
    assert done.returncode == 2
    assert done.stderr == f"lab: no web UI: port {port} on 127.0.0.1 is taken; choose another --web-port\n"


def test_without_locust(lab: Lab, tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['locust'] = None")
    done = lab("load", PYTHONPATH=f"{tmp_path}:{environ['PYTHONPATH']}")
    assert done.returncode == 2
    assert done.stderr == "lab: lab load needs locust, which is not installed: pip install 'session-lab[locust]'\n"


def test_more_users_than_descriptors(environ: dict[str, str], tmp_path: Path) -> None:
    words = ["sh", "-c", 'ulimit -n 400; exec "$@"', "sh", *LAB, "load", "--users", "1000", "--workers", "2"]
    done = subprocess.run(words, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "1000 users need about 1100 open files in each locust process, and 400 are allowed" in done.stderr


def start(environ: dict[str, str], folder: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*LAB, "load", "--users", "10", "--think", "0.05", "--run-time", "60", *words],
        env={**environ, "PYTHONUNBUFFERED": "1"}, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for_line(process: "subprocess.Popen[str]", begin: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip().startswith(begin):
            return
    raise AssertionError(process.stderr.read() if process.stderr else "")


@pytest.mark.parametrize(
    "words",
    [("--servers", "2"), pytest.param(("--servers", "2", "--workers", "2"), marks=pytest.mark.slow)],
    ids=["one", "workers"],
)
def test_ctrl_c_shows_what_was_measured_and_leaves_nothing(
    environ: dict[str, str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    process = start(environ, tmp_path, *words)
    wait_for_line(process, "0:0")
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
    assert "balancer   the same to the last one" in said


def test_killed_it_takes_locust_with_it(environ: dict[str, str], tmp_path: Path) -> None:
    process = start(environ, tmp_path, "--servers", "1")
    wait_for_line(process, "0:0")
    children = psutil.Process(process.pid).children(recursive=True)
    assert any("locustfile.py" in " ".join(child.cmdline()) for child in children)
    process.kill()
    process.communicate(timeout=60)  # that nothing is left, the fixture asks


@pytest.mark.slow
def test_a_lost_worker_is_said_and_makes_the_run_incomplete(environ: dict[str, str], tmp_path: Path) -> None:
    process = start(environ, tmp_path, "--servers", "1", "--workers", "2", "--run-time", "8")
    wait_for_line(process, "0:0")
    workers = [
        child.pid for child in psutil.Process(process.pid).children(recursive=True) if "--worker" in child.cmdline()
    ]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    began = time.monotonic()
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "")
    assert time.monotonic() - began < 30
    assert re.search(r"lab: worker [12] of 2 has ended unasked \(Killed\): its users are gone", said)
    assert re.search(r"Broken: worker [12] of 2 has ended unasked", said)


@pytest.mark.slow
def test_a_startup_grows_to_ten_servers_and_a_deploy_loses_nobody_with_a_shared_store(lab: Lab) -> None:
    grown = lab("load", "--shape", "startup", "--servers", "1", "--users", "40", "--think", "0.05", "--run-time", "12")
    assert grown.returncode == 0, grown.stderr
    assert "theory       0.0 % to 90.0 %   as the cluster changed" in grown.stdout
    assert re.search(r"^server-10 +\d", grown.stdout, re.MULTILINE)
    words = ("--shape", "deploy", "--servers", "3", "--store", "redis", "--users", "20", "--think", "0.05")
    deployed = lab("load", *words, "--run-time", "10", "--max-logout-rate", "0")
    assert deployed.returncode == 0, deployed.stdout
    assert "; 0 requests failed" in deployed.stdout


@pytest.mark.slow
def test_an_address_that_is_no_lab_is_counted_by_the_users_own_eyes(
    lab: Lab, environ: dict[str, str], tmp_path: Path
) -> None:
    """A shop of a few lines that forgets everybody at every third page, and says so by sending them to its login."""
    (tmp_path / "shop.py").write_text(FORGETFUL_SHOP)
    shop = subprocess.Popen([sys.executable, "shop.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert shop.stdout is not None
        port = shop.stdout.readline().strip()
        done = lab("load", *FAST, "--host", f"http://127.0.0.1:{port}", "--max-logout-rate", "0.01")
    finally:
        shop.kill()
        shop.communicate()
    assert done.returncode == 1, done.stderr
    assert "an address you gave" in done.stdout
    assert "nobody knows the servers behind this address" in done.stdout
    assert "Counted by the users'\nown eyes" in done.stdout
    (rate,) = re.findall(r"^logged out +([\d.]+) %", done.stdout, re.MULTILINE)
    assert float(rate) == pytest.approx(100 / 3, abs=5)


FORGETFUL_SHOP = """
import itertools
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

pages = itertools.count()

class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        forgets = "session_id=" in self.headers.get("Cookie", "") and next(pages) % 3 == 0
        self.send_response(302 if forgets else 200)
        if forgets:
            self.send_header("Location", "/accounts/login?next=" + self.path)
        if self.path == "/login":
            self.send_header("Set-Cookie", "session_id=1234; Path=/; HttpOnly")
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_GET = do_POST = answer
    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
print(server.server_port, flush=True)
server.serve_forever()
"""
