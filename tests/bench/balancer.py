"""CPU per request of our balancer beside nginx and HAProxy: same backends, same generator, interleaved rounds.

    python tests/bench/balancer.py [--work NAME ...] [--rounds N] [--seconds S] [--json]

The proxy runs on core 0, backends (nginx, serving a small answer from memory) and the generator (wrk) on core 1. CPU is
user + system of the proxy's processes from /proc/PID/stat over one run of the generator, divided by the requests it
counted. The ratio is ours / theirs round by round, then its median; the spread is the smallest and largest round.
Needs wrk and nginx; HAProxy is left out where it is missing. Works and goals are the table WORKS (works.py).
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from proxies import OTHER_CORE, Stage, control_of, cpu_seconds, installed, memory_mib
from works import BROWSER_HEAD, WORKS, Side, Work, raw_head

Figures = dict[str, list[dict[str, float]]]
WARM = 3
"""Seconds before the first round: connections are made, caches filled, and our balancer has seen for how long the
backends keep connections, without which each POST gets a new one."""
CONTESTANTS = Path(__file__).parent / "contestants"


class Running(NamedTuple):
    """A proxy that runs."""

    side: Side
    port: int
    pid: int


def wrk(work: Work, port: int, seconds: int, script: Path) -> tuple[int, dict[str, float]]:
    """One run of the generator: the number of answers, and latencies in ms. Any error among them ends the benchmark."""
    headers = [word for name, value in BROWSER_HEAD.items() for word in ("-H", f"{name}: {value}")]
    command = [
        "taskset",
        "-c",
        str(OTHER_CORE),
        "wrk",
        "-t1",
        f"-c{work.connections}",
        f"-d{seconds}s",
        "--latency",
        "--timeout",
        "60s",
    ]
    command += ["-s", str(script), *headers, f"http://127.0.0.1:{port}{work.path}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+) requests in", said)
    if "Non-2xx" in said or "Socket errors" in said or found is None:
        raise SystemExit(said)
    times = re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", said)
    scale = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    return int(found[1]), {f"p{share}_ms": float(value) * scale[unit] for share, value, unit in times}


def crowd(port: int, connections: int, window: int, seconds: int) -> "subprocess.Popen[str]":
    """Many connections of which a few wait for an answer; ready to begin."""
    numbers = map(str, (port, connections, window, seconds))
    command = ["taskset", "-c", str(OTHER_CORE), sys.executable, str(CONTESTANTS / "rotate.py"), *numbers, raw_head()]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise SystemExit("the crowd could not connect: is the limit of open files (ulimit -n) 20000 or more?")
    return process


def one_round(work: Work, running: Running, seconds: int, script: Path) -> dict[str, float]:
    side, port, pid = running
    if side.crowd:
        process = crowd(port, side.crowd, work.connections, seconds)
        before = cpu_seconds(pid)
        answers, latencies = int(process.communicate("go\n")[0]), {}
    else:
        before = cpu_seconds(pid)
        answers, latencies = wrk(work, port, seconds, script)
    figures = {"us": (cpu_seconds(pid) - before) / answers * 1e6, **latencies}
    return {**figures, "rate": answers / seconds, "mib": memory_mib(pid, "VmHWM")}


def measure(work: Work, rounds: int, seconds: int) -> Figures:
    """CPU microseconds per request and more, round by round, for each side whose proxy is installed."""
    figures: Figures = {}
    with Stage() as stage, ExitStack() as readers:
        script = stage.folder / "work.lua"
        script.write_text(work.lua)
        for name, size in {"1m": 1 << 20, "100m": 100 << 20}.items():
            (stage.folder / name).write_bytes(bytes(size if name in work.path else 0))
        proxies: dict[str, Running] = {}
        for name, side in work.sides.items():
            if not installed(side.proxy):
                continue
            backends = [stage.sink()] if work.sink else stage.backends(side.backends)
            port, pid = stage.proxy(side.proxy, backends, side.options)
            proxies[name] = running = Running(side, port, pid)
            if side.subscriber:
                subscribe(stage, port)
            if side.idle:
                held = crowd(port, side.idle, 1, 1)
                readers.callback(held.kill)
            if not side.crowd:
                wrk(work, port, WARM, script)
            figures[name] = []
        for _ in range(rounds):
            for name, running in proxies.items():
                figures[name].append(one_round(work, running, seconds, script))
    return figures


def subscribe(stage: Stage, port: int) -> None:
    """Somebody reads the feed, on the other core."""
    stage.start(OTHER_CORE, [sys.executable, str(CONTESTANTS / "reader.py"), str(control_of(port, stage.folder))])


def report(work: Work, figures: Figures) -> dict[str, Any]:
    """Medians, and ratios of the first side to each other one, round by round."""
    first, *others = figures
    keys = [key for key in figures[first][0] if key != "rate"]
    ratios = {}
    for name in others:
        pairs = list(zip(figures[first], figures[name], strict=True))
        each = {key: sorted(mine[key] / theirs[key] for mine, theirs in pairs) for key in keys}
        ratios[name] = {
            key: {"median": round(statistics.median(values), 2), "spread": [round(values[0], 2), round(values[-1], 2)]}
            for key, values in each.items()
        }
    medians = {
        name: {key: round(statistics.median(r[key] for r in rounds), 2) for key in rounds[0]}
        for name, rounds in figures.items()
    }
    goal = {"beside": work.beside, "at_most": work.goal, "of": work.judged}
    return {
        "work": work.name,
        "what": work.what,
        "goal": goal,
        "medians": medians,
        "ratios": ratios,
        "rounds": len(figures[first]),
    }


def shown(result: dict[str, Any]) -> str:
    lines = [f"{result['work']}: {result['what']}"]
    for name, medians in result["medians"].items():
        line = f"  {name:16}{medians['us']:10.1f} us CPU per request {medians['mib']:7.1f} MiB at most"
        if "p99_ms" in medians:
            line += f"   p50 {medians['p50_ms']:.2f} p99 {medians['p99_ms']:.2f} ms"
        lines.append(line)
    for name, ratios in result["ratios"].items():
        for key in result["goal"]["of"]:
            if key in ratios:
                low, high = ratios[key]["spread"]
                lines.append(f"  first / {name} in {key:7} {ratios[key]['median']:5.2f}  ({low:.2f} .. {high:.2f})")
    goal = result["goal"]
    lines.append(f"  goal: at most {goal['at_most']} beside {goal['beside']} in {', '.join(goal['of'])}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", choices=WORKS, nargs="+", default=list(WORKS), metavar="NAME", help=", ".join(WORKS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2, help="of each run of the generator")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    for needed in ("wrk", "nginx", "taskset"):
        if shutil.which(needed) is None:
            parser.exit(2, f"{parser.prog}: {needed} is not installed; it asks, or serves behind the proxies\n")
    results = []
    for name in args.work:
        results.append(report(WORKS[name], measure(WORKS[name], args.rounds, args.seconds * WORKS[name].longer)))
        if not args.json:
            print(shown(results[-1]), flush=True)
    if args.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
