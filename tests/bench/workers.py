"""What a second worker brings: CPU per request with 1 and with 2 workers, how evenly they share, and what follows.

    python tests/bench/workers.py [--rounds N] [--seconds S] [--connections N ...] [--json]

Rounds are interleaved. In the first part the balancer has core 0, and backends (nginx) and generator (wrk) core 1: CPU
is user + system of parent and workers from /proc/PID/stat, divided by the requests counted. The share is that of the
busier worker, of requests and of connections; each round has new connections, which the kernel deals out anew.

From both follows how much more two workers can serve on two cores of their own:

    scale = cpu(1) / (cpu(2) x the larger share)

It is a calculation. On a machine with two cores it cannot be measured: generator and backends need them, too. The
second part measures what remains there: requests per second, with all of them free to use both cores.
Needs wrk and nginx.
"""

import argparse
import asyncio
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

from proxies import OTHER_CORE, PROXY_CORE, Stage, control_of, cpu_seconds, free_port, ours
from works import BROWSER_HEAD

from servers.control import call

GOAL = 1.7
BOTH = f"{PROXY_CORE},{OTHER_CORE}"


class Balancer(NamedTuple):
    port: int
    pid: int
    control: Path

    def by_worker(self, what: str) -> list[int]:
        """What each worker has: `requests` so far, `connections` now. One process: all of it."""
        state = asyncio.run(call(self.control, "state"))
        whole = {"requests": state["totals"]["requests"], "connections": state["connections"]}
        return [worker[what] for worker in state.get("workers", [whole])]


class Round(NamedTuple):
    cpu_us: float
    per_second: float
    requests: float
    connections: float
    """Shares of the busier worker."""

    @property
    def share(self) -> float:
        """What limits two workers: unless clients wait for answers, more connections mean more to do."""
        return max(self.requests, self.connections)


def start(stage: Stage, cores: int | str, workers: int, backends: list[int]) -> Balancer:
    port = free_port()
    command = ours(port, backends, stage.folder, ["--workers", str(workers)])
    return Balancer(port, stage.start(cores, command, port), control_of(port, stage.folder))


def wrk(cores: int | str, port: int, connections: int, seconds: int) -> "subprocess.Popen[str]":
    headers = [word for name, value in BROWSER_HEAD.items() for word in ("-H", f"{name}: {value}")]
    command = ["taskset", "-c", str(cores), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *headers]
    return subprocess.Popen([*command, f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE, text=True)


def answers_to(generator: "subprocess.Popen[str]") -> int:
    """The number of answers when it is over. Any error among them ends the benchmark."""
    said, _ = generator.communicate()
    found = re.search(r"(\d+) requests in", said)
    if "Non-2xx" in said or "Socket errors" in said or found is None:
        raise SystemExit(said)
    return int(found[1])


def measure(balancer: Balancer, cores: int | str, connections: int, seconds: int) -> Round:
    before, used = balancer.by_worker("requests"), cpu_seconds(balancer.pid)
    generator = wrk(cores, balancer.port, connections, seconds)
    time.sleep(seconds / 2)  # in the middle of the run all connections are there
    held = balancer.by_worker("connections")
    answers = answers_to(generator)
    used = cpu_seconds(balancer.pid) - used
    served = [after - earlier for after, earlier in zip(balancer.by_worker("requests"), before, strict=True)]
    return Round(used / answers * 1e6, answers / seconds, max(served) / sum(served), max(held) / sum(held))


def compare(cores: int | str, generator: int | str, connections: int, rounds: int, seconds: int) -> list[list[Round]]:
    """The rounds of one worker, and those of two."""
    with Stage() as stage:
        backends = stage.backends(2)
        sides = [start(stage, cores, workers, backends) for workers in (1, 2)]
        for side in sides:
            answers_to(wrk(generator, side.port, connections, 1))  # warm: connections made, caches filled
        pairs = [[measure(side, generator, connections, seconds) for side in sides] for _ in range(rounds)]
    return [list(rounds_of) for rounds_of in zip(*pairs, strict=True)]


def report(connections: int, pinned: list[list[Round]], free: list[list[Round]]) -> dict[str, Any]:
    one, two = pinned
    scales = [a.cpu_us / (b.cpu_us * b.share) for a, b in zip(one, two, strict=True)]
    ratios = [b.per_second / a.per_second for a, b in zip(*free, strict=True)]
    return {
        "connections": connections,
        "us_per_request": [round(statistics.median(r.cpu_us for r in side), 1) for side in pinned],
        "busier": {
            "requests": round(statistics.median(r.requests for r in two), 3),
            "connections": round(statistics.median(r.connections for r in two), 3),
        },
        "scale": {"median": round(statistics.median(scales), 2), "spread": _spread(scales)},
        "shared_cores_per_second": [round(statistics.median(r.per_second for r in side)) for side in free],
        "shared_cores_ratio": {"median": round(statistics.median(ratios), 2), "spread": _spread(ratios)},
    }


def _spread(values: list[float]) -> list[float]:
    return [round(min(values), 2), round(max(values), 2)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each wrk run")
    parser.add_argument("--connections", type=int, nargs="+", default=[32, 64, 256])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    for needed in ("wrk", "nginx", "taskset"):
        if shutil.which(needed) is None:
            parser.exit(2, f"{parser.prog}: {needed} is not installed; it asks, or serves behind the balancer\n")
    rows = []
    for connections in args.connections:
        pinned = compare(PROXY_CORE, OTHER_CORE, connections, args.rounds, args.seconds)
        free = compare(BOTH, BOTH, connections, args.rounds, args.seconds)
        rows.append(report(connections, pinned, free))
    if args.json:
        print(json.dumps({"rounds": args.rounds, "goal": GOAL, "rows": rows}))
        return 0
    print(f"median of {args.rounds} rounds; goal of the scale: {GOAL}")
    for row in rows:
        (one, two), busier, (low, high) = row["us_per_request"], row["busier"], row["scale"]["spread"]
        alone, both = row["shared_cores_per_second"]
        print(f"{row['connections']} connections")
        print(f"  CPU per request     {one} us with 1 worker, {two} us with 2")
        print(f"  the busier one has  {busier['requests']:.1%} of requests, {busier['connections']:.1%} of connections")
        print(f"  scale               {row['scale']['median']:.2f} ({low:.2f} .. {high:.2f})")
        print(f"  all on both cores   {alone} -> {both} requests/s (x {row['shared_cores_ratio']['median']:.2f})")
    return 0 if all(row["scale"]["median"] >= GOAL for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
