"""What a load generator can drive per core, and what its requests cost the lab.

    python tests/bench/generators.py [--rounds N] [--seconds S] [--users K] [--only NAME,..] [--json]

All of them do the same: K members, logged in, look at /whoami over keep-alive connections and without a pause, in a lab
of one server with its sessions in memory. Requests are those that the balancer counted; CPU is what the kernel says
that the generator, and the balancer with the server, spent in the same time (scenarios/cpu.py). Requests a second and
core follow from it: a second over the CPU of one. Rounds are interleaved; the median, the lowest and the highest of
them. Where there are two cores, the lab has the first and the generator the second.

The lab's own users do more than the others: a jar with a browser's rules, each page read, each logout counted.
"""

import argparse
import asyncio
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from scenarios.cluster.processes import ProcessCluster
from scenarios.cpu import cpu_seconds
from scenarios.crowd import Crowd
from scenarios.shop import MEMBERS, credentials

HERE = Path(__file__).parent
LOCUST_USERS = HERE / "contestants" / "locust_users.py"
WARM = 2.0  # seconds between the first requests and the measurement
STARTS_WITHIN = 30.0
WRK = """
local cookies = {%s}
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", "/whoami", {["Accept"] = "application/json", ["Cookie"] = cookies[n %% #cookies + 1]})
end
"""


def locust(kind: str) -> Callable[[str, int, Path], list[str]]:
    def command(url: str, users: int, folder: Path) -> list[str]:
        words = [
            "--headless",
            "--only-summary",
            "--loglevel",
            "ERROR",
            "--users",
            str(users),
            "--spawn-rate",
            str(users),
        ]
        return [sys.executable, "-m", "locust", "-f", str(LOCUST_USERS), kind, "--host", url, *words]

    return command


def wrk(url: str, users: int, folder: Path) -> list[str]:
    cookies = ", ".join(f'"{log_in(url, name)}"' for name in MEMBERS[:users])
    script = folder / "members.lua"
    script.write_text(WRK % cookies)
    return ["wrk", "-t1", f"-c{users}", "-d600s", "-s", str(script), url]


def log_in(url: str, name: str) -> str:
    form = urllib.parse.urlencode(credentials(name)).encode()
    request = urllib.request.Request(f"{url}/login", form, {"Accept": "application/json"})
    with urllib.request.urlopen(request) as response:
        return str(response.headers["Set-Cookie"]).partition(";")[0]


def virtual_users(url: str, users: int, folder: Path) -> list[str]:
    return [sys.executable, str(Path(__file__)), "--virtual", url, "--users", str(users)]


GENERATORS: dict[str, tuple[str, Callable[[str, int, Path], list[str]]]] = {
    "wrk": ("wrk, one fixed request", wrk),
    "fast": ("locust's FastHttpUser", locust("Fast")),
    "requests": ("locust's HttpUser", locust("Requests")),
    "ours": ("the lab's locust users", locust("Ours")),
    "users": ("the lab's virtual users", virtual_users),
}


@dataclass(frozen=True)
class Round:
    """CPU microseconds a request, of the generator and of the lab; requests a second, as it came out."""

    generator_us: float
    lab_us: float
    rate: float


async def measure(name: str, options: argparse.Namespace, folder: Path) -> Round:
    async with await ProcessCluster.start(folder / "lab") as cluster:
        lab = [child.pid for child in psutil.Process(cluster.nursery_pid).children()]  # the balancer and the server
        cores = sorted(os.sched_getaffinity(0))
        for pid in lab:
            os.sched_setaffinity(pid, {cores[0]})
        command = await asyncio.to_thread(GENERATORS[name][1], cluster.url, options.users, folder)
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, {cores[-1]}),
        )  # fmt: skip
        try:
            async with asyncio.timeout(STARTS_WITHIN):
                while await served(cluster) < 20 * options.users:  # noqa: ASYNC110 - another process's doing
                    await asyncio.sleep(0.05)
            await asyncio.sleep(WARM)
            loop = asyncio.get_running_loop()
            before = (loop.time(), await served(cluster), cpu_seconds([process.pid]), cpu_seconds(lab))
            await asyncio.sleep(options.seconds)
            after = (loop.time(), await served(cluster), cpu_seconds([process.pid]), cpu_seconds(lab))
        finally:
            process.kill()
            await process.wait()
    seconds, requests, generator, lab_cpu = (late - early for early, late in zip(before, after, strict=True))
    return Round(generator / requests * 1e6, lab_cpu / requests * 1e6, requests / seconds)


async def served(cluster: ProcessCluster) -> int:
    return int((await cluster.counters())["requests"])


async def be_virtual_users(url: str, users: int) -> None:
    """This process as the generator: until it is killed."""
    crowd = Crowd(url, users, seed=1, think=0.0, timed=False)
    await crowd.traffic.allow(math.inf)

    async def look(name: str) -> None:
        shopper = crowd.visitor(name, crowd.felt)
        shopper.rng = random.Random(name)
        await shopper.log_in()
        while True:
            await shopper.member("GET", "/whoami", "look")

    await asyncio.gather(*(look(name) for name in MEMBERS[:users]))


def row(name: str, rounds: list[Round]) -> dict[str, Any]:
    costs = [one.generator_us for one in rounds]
    return {
        "name": name,
        "what": GENERATORS[name][0],
        "cpu_us": round(statistics.median(costs), 1),
        "lowest": round(min(costs), 1),
        "highest": round(max(costs), 1),
        "per_core": round(1e6 / statistics.median(costs)),
        "lab_us": round(statistics.median(one.lab_us for one in rounds), 1),
        "rate": round(statistics.median(one.rate for one in rounds)),
    }


async def compare(options: argparse.Namespace) -> dict[str, Any]:
    rounds: dict[str, list[Round]] = {name: [] for name in options.only}
    for number in range(options.rounds):
        for name in options.only:
            with tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True) as folder:
                rounds[name].append(await measure(name, options, Path(folder)))
            print(f"round {number + 1} of {options.rounds}: {name} {rounds[name][-1]}", file=sys.stderr)
    settings = {name: getattr(options, name) for name in ("rounds", "seconds", "users")}
    return {**settings, "load_average": round(os.getloadavg()[0], 1), "rows": [row(*pair) for pair in rounds.items()]}


def table(report: dict[str, Any]) -> str:
    lines = [f"{'generator':26}{'CPU us':>8}{'lowest':>8}{'highest':>9}{'a core':>9}{'lab us':>8}{'requests/s':>12}"]
    for one in report["rows"]:
        lines.append(
            f"{one['what']:26}{one['cpu_us']:8}{one['lowest']:8}{one['highest']:9}{one['per_core']:9,}"
            f"{one['lab_us']:8}{one['rate']:12,}"
        )
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What load generators can drive per core.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measurement")
    parser.add_argument("--users", type=int, default=20, help="members, each with a connection")
    parser.add_argument("--only", default=",".join(GENERATORS), help="generators, separated by commas")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--virtual", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := set(options.only) - GENERATORS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(GENERATORS)}")
    if "wrk" in options.only and shutil.which("wrk") is None:
        parser.error("wrk is not installed: install the package wrk, or leave it out with --only")
    return options


def main() -> None:
    options = parse()
    if options.virtual:
        asyncio.run(be_virtual_users(options.virtual, options.users))
        return
    report = asyncio.run(compare(options))
    print(json.dumps(report) if options.json else table(report))


if __name__ == "__main__":
    main()
