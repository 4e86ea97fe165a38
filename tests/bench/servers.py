"""What a session costs: CPU of the server's process per request, by store, and beside other frameworks.

    python tests/bench/servers.py [--rounds N] [--seconds S] [--connections C] [--only NAME,..]
                                  [--python PYTHON] [--json]

GET /whoami by members who are logged in, over keep-alive connections from wrk, in interleaved rounds. CPU: user and
system time of the server process and its children (/proc/PID/stat), divided by the requests that wrk counted; the
store's own process is not in it. Median, lowest and highest of the rounds.

Express runs when node and npm are there (installed into a temporary folder); Flask and Django when --python (by
default this interpreter) has flask-session, django and gunicorn.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from scenarios.cluster.postgres_server import PostgresServer
from scenarios.cluster.redis_server import RedisServer

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MEMBERS = [f"user{i:02}" for i in range(1, 41)]
GOAL_SESSION_US = 30.0  # a session from Redis, over bare
GOAL_RATIO = 0.4  # the whole request, of Express + connect-redis
PACKAGES = ("express@5", "express-session@1", "connect-redis@9", "redis@5")
SCRIPT = """
local cookies = {%s}
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", "/whoami", {["Accept"] = "application/json", ["Cookie"] = cookies[n %% #cookies + 1]})
end
done = function(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("counted %%d %%d", summary.requests, failed))
end
"""


class Skip(Exception):
    """This contestant cannot run here, and why."""


@dataclass
class Contestant:
    name: str
    command: list[str]
    environ: dict[str, str] = field(default_factory=dict)
    folder: Path = ROOT
    has_sessions: bool = True
    process: subprocess.Popen[str] | None = None
    url: str = ""
    script: str = ""
    measured: list[float] = field(default_factory=list)  # us of CPU per request, by round
    rates: list[float] = field(default_factory=list)  # requests per second, by round

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command, cwd=self.folder, env={**os.environ, "PYTHONPATH": str(ROOT), **self.environ},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = "no message"
        for line in self.process.stdout:
            if found := re.search(r"127\.0\.0\.1:\d+", line):
                self.url = f"http://{found[0]}"
                return
        raise Skip(f"did not start: {line.strip()}")

    def prepare(self, folder: Path) -> None:
        cookies = ["x=1"]
        if self.has_sessions:
            cookies = [log_in(self.url, name) for name in MEMBERS]
            check(self.url, cookies[0])
        self.script = str(folder / f"{self.name}.lua")
        Path(self.script).write_text(SCRIPT % ", ".join(f'"{cookie}"' for cookie in cookies))

    def measure(self, connections: int, seconds: int) -> None:
        before = self.cpu()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", self.script, self.url]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        spent = self.cpu() - before
        counted = re.search(r"counted (\d+) (\d+)", output)
        assert counted, output
        requests, failed = int(counted[1]), int(counted[2])
        if failed or not requests:
            raise SystemExit(f"{self.name}: {failed} of {requests} requests failed\n{output}")
        self.measured.append(spent / requests * 1e6)
        self.rates.append(requests / seconds)

    def cpu(self) -> float:
        assert self.process is not None
        parent = psutil.Process(self.process.pid)
        times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
        return sum(time.user + time.system for time in times)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)


def log_in(url: str, name: str) -> str:
    """The session cookie, as it is to be sent back."""
    form = urllib.parse.urlencode({"username": name, "password": f"wristband-{name}"}).encode()
    request = urllib.request.Request(f"{url}/login", form, {"Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        cookie: str = answer.headers["Set-Cookie"].split(";")[0]
    return cookie


def check(url: str, cookie: str) -> None:
    request = urllib.request.Request(f"{url}/whoami", headers={"Cookie": cookie, "Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        user = json.load(answer)["user"]
    assert user == MEMBERS[0], user


def bare(folder: Path, options: argparse.Namespace) -> Contestant:
    return Contestant("bare", [sys.executable, str(HERE / "contestants/bare.py")], has_sessions=False)


def ours(store: str, url: str = "") -> Callable[[Path, argparse.Namespace], Contestant]:
    def make(folder: Path, options: argparse.Namespace) -> Contestant:
        command = [sys.executable, "-m", "servers", "--listen", "127.0.0.1:0", "--store", store]
        return Contestant(store, [*command, "--store-url", url.format(folder=folder, **vars(options))])

    return make


def express(folder: Path, options: argparse.Namespace) -> Contestant:
    if not (shutil.which("node") and shutil.which("npm")):
        raise Skip("no node or no npm here")
    place = folder / "express"
    place.mkdir()
    (place / "package.json").write_text('{"private": true, "type": "module"}')
    shutil.copy(HERE / "contestants/express.mjs", place)
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", *PACKAGES]
    if subprocess.run(npm, cwd=place, stdout=subprocess.DEVNULL).returncode:
        raise Skip("npm could not install it")
    node = ["node", "express.mjs", options.redis_socket]
    return Contestant("express", node, {"NODE_ENV": "production"}, folder=place)


def wsgi(name: str, *modules: str) -> Callable[[Path, argparse.Namespace], Contestant]:
    def make(folder: Path, options: argparse.Namespace) -> Contestant:
        imports = "import gunicorn, redis, " + ", ".join(modules)
        if subprocess.run([options.python, "-c", imports], stderr=subprocess.DEVNULL).returncode:
            raise Skip(f"{options.python} has no {', '.join(modules)} or gunicorn: name another with --python")
        command = [options.python, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--worker-class", "gthread"]
        command += ["--threads", "8", "--keep-alive", "75", "--log-file", "-", f"{name}_app:app"]
        return Contestant(name, command, {"BENCH_REDIS": options.redis_socket}, folder=HERE / "contestants")

    return make


CONTESTANTS: dict[str, Callable[[Path, argparse.Namespace], Contestant]] = {
    "bare": bare,
    "memory": ours("memory"),
    "redis": ours("redis", "{redis_url}"),
    "sqlite": ours("sqlite", "{folder}/sessions.db"),
    "postgres": ours("postgres", "{postgres_url}"),
    "express": express,
    "flask": wsgi("flask", "flask", "flask_session"),
    "django": wsgi("django", "django"),
}


def main() -> int:
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing is left behind
    folder = Path(tempfile.mkdtemp(prefix="lab-", dir="/tmp"))
    redis, postgres = RedisServer(folder, environ={"PATH": os.environ["PATH"]}), PostgresServer(folder, environ={})
    options.redis_url, options.redis_socket, options.postgres_url = redis.url, str(folder / "redis.sock"), postgres.url
    running: list[Contestant] = []
    try:
        asyncio.run(redis.start())
        if "postgres" in options.only:
            asyncio.run(postgres.start())
        for name in options.only:
            try:
                contestant = CONTESTANTS[name](folder, options)
                running.append(contestant)
                contestant.start()
                contestant.prepare(folder)
            except Skip as why:
                running = [other for other in running if other.name != name]
                print(f"{name}: skipped: {why}", file=sys.stderr)
        for contestant in running:
            contestant.measure(options.connections, 1)  # warm-up, not counted
            contestant.measured.clear()
            contestant.rates.clear()
        for _ in range(options.rounds):
            for contestant in running:
                contestant.measure(options.connections, options.seconds)
        report(running, options)
    finally:
        for contestant in running:
            contestant.stop()
        asyncio.run(redis.stop())
        asyncio.run(postgres.stop())
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def report(running: list[Contestant], options: argparse.Namespace) -> None:
    medians = {contestant.name: statistics.median(contestant.measured) for contestant in running}
    rows = [
        {
            "name": contestant.name,
            "cpu_us": round(medians[contestant.name], 1),
            "lowest": round(min(contestant.measured), 1),
            "highest": round(max(contestant.measured), 1),
            "over_bare_us": round(medians[contestant.name] - medians["bare"], 1) if "bare" in medians else None,
            "of_express": round(medians[contestant.name] / medians["express"], 2) if "express" in medians else None,
            "requests_per_second": round(statistics.median(contestant.rates)),
        }
        for contestant in running
    ]
    if options.json:
        settings = {name: getattr(options, name) for name in ("rounds", "seconds", "connections")}
        goals = {"session_us": GOAL_SESSION_US, "of_express": GOAL_RATIO}
        print(json.dumps({**settings, "goals": goals, "rows": rows}))
        return
    print(f"CPU us per request; {options.rounds} rounds of {options.seconds} s, {options.connections} connections")
    print(f"{'':10}{'median':>8}{'lowest':>8}{'highest':>9}{'over bare':>11}{'of Express':>12}{'requests/s':>12}")
    for row in rows:
        over, ratio = row["over_bare_us"], row["of_express"]
        print(
            f"{row['name']:10}{row['cpu_us']:8}{row['lowest']:8}{row['highest']:9}"
            f"{'-' if over is None else over:>11}{'-' if ratio is None else ratio:>12}{row['requests_per_second']:12}"
        )
    print(f"goals: redis at most +{GOAL_SESSION_US:g} us over bare, and at most {GOAL_RATIO} of Express")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What a session costs, by store and beside other frameworks.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of one measurement")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--only", default=",".join(CONTESTANTS), help="contestants, separated by commas")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has Flask and Django")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := set(options.only) - CONTESTANTS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(CONTESTANTS)}")
    if shutil.which("wrk") is None:
        parser.error("wrk makes the load: install the package wrk")
    return options


if __name__ == "__main__":
    sys.exit(main())
