"""What a request of the whole shop costs each part of the lab while sessions live in Redis.

    python tests/bench/parts.py [--rounds N] [--requests R] [--servers S] [--users K] [--think SECONDS,..] [--json]

K users shop, with pauses and without, in interleaved rounds. With pauses every request finds all parts asleep and has
to wake them; without, the machine is as busy as it gets, and parts do several things each time they wake. Commands are
those that Redis counted (INFO commandstats), CPU is what the kernel says that each process spent (scenarios/cpu.py),
connections are those that Redis has open, a session's memory is what Redis says of a member with a thing in the cart
(MEMORY USAGE). Redis, reached by TCP, is far from busy in all of this and wakes for nearly every command; what a
command costs where there is always a next one is measured by itself, with 50 connections that send the same commands.
What the figures come to with more servers is in capacity.py.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import hiredis
import psutil
import redis

sys.path.insert(0, str(Path(__file__).parents[2]))

from scenarios.cluster.processes import ProcessCluster
from scenarios.cluster.redis_server import find_redis
from scenarios.cpu import cpu_seconds
from scenarios.crowd import Crowd
from scenarios.shop import MEMBERS, credentials
from servers.stores.redis import PREFIX

WARM = 500  # requests before the measurement
CONNECTIONS, TURNS = 50, 600


@dataclass(frozen=True)
class Round:
    """CPU microseconds a request; commands a request, by name; requests a second, as it came out."""

    balancer_us: float
    server_us: float
    redis_us: float
    commands: dict[str, float]
    rate: float
    connections_each: float
    session_bytes: int
    command_us: float


class Observed:
    """A Redis, seen from outside. `pid` of its process."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = redis.Redis.from_url(url)
        self.pid = int(self._info("server")["process_id"])

    def _info(self, section: str) -> dict[str, Any]:
        told: dict[str, Any] = self._client.info(section)  # type: ignore[assignment]
        return told

    def calls(self) -> dict[str, int]:
        """Commands that were asked so far, by name; not our own INFO."""
        stats = self._info("commandstats")
        names = {key: key.removeprefix("cmdstat_").partition("|")[0] for key in stats}
        return {names[key]: row["calls"] for key, row in stats.items() if names[key] not in ("info", "client", "hello")}

    def connections(self) -> int:
        """Of others."""
        return int(self._info("clients")["connected_clients"]) - 1

    def bytes_of(self, key: str) -> int:
        return int(self._client.memory_usage(key))  # type: ignore[arg-type]

    def kept_busy(self, key: str) -> float:
        """CPU microseconds of a command, two look-ups to one save, when Redis finds many each time it wakes."""
        parts = urlsplit(self.url)
        look_up, save = ("MGET", key), ("SET", key, self._client.get(key), "PX", 1_800_000, "XX")
        packed = [hiredis.pack_command(words) for words in (look_up, look_up, save)]
        connected = [socket.create_connection((parts.hostname, parts.port)) for _ in range(CONNECTIONS)]
        before = cpu_seconds([self.pid])
        for number in range(TURNS):
            for connection in connected:
                connection.sendall(packed[number % len(packed)])
            for connection in connected:
                assert connection.recv(4096)
        spent = cpu_seconds([self.pid]) - before
        for connection in connected:
            connection.close()
        return spent / (TURNS * CONNECTIONS) * 1e6


@contextmanager
def running_redis() -> Iterator[str]:
    """A Redis of our own, in memory only; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "/tmp"]
    with subprocess.Popen([find_redis(), *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if "ready to accept connections" in line.lower():
                    break
            yield f"redis://127.0.0.1:{port}"
        finally:
            process.kill()


async def measure(think: float, options: argparse.Namespace, folder: Path) -> Round:
    with running_redis() as url:
        environ = {**os.environ, "REDIS_URL": url}
        async with await ProcessCluster.start(folder, servers=options.servers, store="redis", environ=environ) as lab:
            return await in_the_lab(lab, Observed(url), think, options)


async def in_the_lab(cluster: ProcessCluster, store: Observed, think: float, options: argparse.Namespace) -> Round:
    servers = [server["pid"] for server in (await cluster.state())["servers"]]
    children = [child.pid for child in psutil.Process(cluster.nursery_pid).children()]
    pids = {"balancer": [pid for pid in children if pid not in servers], "servers": servers, "redis": [store.pid]}
    crowd = Crowd(cluster.url, options.users, seed=1, think=think, timed=False)
    crowd.start()
    try:
        await crowd.shop(WARM)
        loop = asyncio.get_running_loop()
        began, calls = loop.time(), store.calls()
        cpu = {part: cpu_seconds(those) for part, those in pids.items()}
        felt = await crowd.shop(options.requests)
        spent = {part: (cpu_seconds(those) - cpu[part]) / felt.requests * 1e6 for part, those in pids.items()}
        seconds, after = loop.time() - began, store.calls()
    finally:
        await crowd.close()
    assert felt.failed == felt.unavailable == felt.logged_out == 0, felt
    key = await fill_a_cart(cluster.url)
    asked = {name: (count - calls.get(name, 0)) / felt.requests for name, count in after.items()}
    return Round(
        spent["balancer"],
        spent["servers"],
        spent["redis"],
        {name: count for name, count in asked.items() if count > 0},
        felt.requests / seconds,
        store.connections() / len(servers),
        store.bytes_of(key),
        store.kept_busy(key),
    )


async def fill_a_cart(url: str) -> str:
    """The key of a member's session."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        async with http.post(f"{url}/login", data=credentials(MEMBERS[0]), allow_redirects=False) as answer:
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        thing = {"item": "towel", "quantity": "1"}
        async with http.post(f"{url}/cart", data=thing, headers={"Cookie": cookie}, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
    return PREFIX + cookie.partition("=")[2]


def row(think: float, rounds: list[Round]) -> dict[str, Any]:
    """Medians, and of CPU the spread of the rounds, too."""
    costs = {name: [getattr(one, name) for one in rounds] for name in ("balancer_us", "server_us", "redis_us")}
    names = sorted({name for one in rounds for name in one.commands})
    commands = {name: statistics.median(one.commands.get(name, 0.0) for one in rounds) for name in names}
    return {
        "think": think,
        **{name: round(statistics.median(measured), 1) for name, measured in costs.items()},
        "spread": {name: [round(min(measured), 1), round(max(measured), 1)] for name, measured in costs.items()},
        "commands": {name: round(count, 2) for name, count in commands.items() if count >= 0.005},
        "rate": round(statistics.median(one.rate for one in rounds)),
        "connections_each": statistics.median(one.connections_each for one in rounds),
        "session_bytes": round(statistics.median(one.session_bytes for one in rounds)),
    }


async def compare(options: argparse.Namespace) -> dict[str, Any]:
    rounds: dict[float, list[Round]] = {think: [] for think in options.think}
    for number in range(options.rounds):
        for think in options.think:
            with tempfile.TemporaryDirectory(prefix="lab-", dir="/tmp", ignore_cleanup_errors=True) as folder:
                rounds[think].append(await measure(think, options, Path(folder)))
            print(f"round {number + 1} of {options.rounds}: {rounds[think][-1]}", file=sys.stderr)
    settings = {name: getattr(options, name) for name in ("rounds", "requests", "servers", "users")}
    settings["command_us"] = round(statistics.median(one.command_us for those in rounds.values() for one in those), 1)
    return {**settings, "load_average": round(os.getloadavg()[0], 1), "rows": [row(*pair) for pair in rounds.items()]}


def table(report: dict[str, Any]) -> str:
    lines = [f"{'pause':>7}{'balancer':>10}{'server':>9}{'Redis':>8}{'commands':>10}{'requests/s':>12}{'session':>10}"]
    for one in report["rows"]:
        lines.append(
            f"{one['think']:5} s{one['balancer_us']:7} us{one['server_us']:6} us{one['redis_us']:5} us"
            f"{sum(one['commands'].values()):10.2f}{one['rate']:12,}{one['session_bytes']:8} B"
        )
    return "\n".join([*lines, f"a command of a Redis that is kept busy: {report['command_us']} us"])


def main() -> None:
    parser = argparse.ArgumentParser(description="What a request costs each part, with sessions in Redis.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=8000, help="of one measurement")
    parser.add_argument("--servers", type=int, default=4)
    parser.add_argument("--users", type=int, default=40)
    parser.add_argument("--think", default="0.1,0", help="mean pauses of a user between two requests")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.think = [float(pause) for pause in options.think.split(",")]
    report = asyncio.run(compare(options))
    print(json.dumps(report) if options.json else table(report))


if __name__ == "__main__":
    main()
