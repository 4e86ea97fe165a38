"""CPU per request of our balancer beside nginx and HAProxy: same backends, same generator, interleaved rounds.

    python tests/bench/balancer.py [--rounds N] [--seconds S] [--connections N] [--work plain|varied|post] [--json]

The proxy runs on core 0, backends (nginx, serving a small answer from memory) and wrk on core 1. CPU is user + system
of the proxy's processes from /proc/PID/stat over one wrk run, divided by the requests wrk counted. The ratio is
ours / theirs round by round, then its median; the spread is the smallest and largest round.
Needs wrk and nginx; HAProxy is left out where it is missing.
"""

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")

BROWSER_HEAD = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate",
    "Referer": "http://shop.test/cart",
    "Cookie": "session_id=sess_0123456789abcdefghijkl; theme=dark",
    "Upgrade-Insecure-Requests": "1",
    "DNT": "1",
    "Sec-Fetch-Mode": "navigate",
}
"""With Host, ten fields: what a browser usually sends."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pinned(core: int, command: list[str], folder: Path) -> "subprocess.Popen[bytes]":
    log = (folder / f"{Path(command[0]).name}.log").open("ab")
    return subprocess.Popen(["taskset", "-c", str(core), *command], stdout=log, stderr=log, cwd=HERE.parent.parent)


def family(pid: int) -> list[int]:
    """This process and its children (nginx works in a child)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in family(int(child)))]


def cpu_seconds(pid: int) -> float:
    """User plus system time of a process and its children, in steps of 10 ms."""
    total = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{process.args!r} does not listen on {port}") from None
            time.sleep(0.02)
        else:
            return


def configured(name: str, folder: Path, **values: object) -> str:
    """A config file of this folder with its values filled in."""
    text = (HERE / name).read_text()
    for key, value in {**values, "FOLDER": folder}.items():
        text = text.replace(f"@{key}@", str(value))
    path = folder / f"{name}.{values.get('PORT', '')}"
    path.write_text(text)
    return str(path)


def ours(port: int, backends: list[int], folder: Path) -> list[str]:
    each = [word for backend in backends for word in ("--backend", f"127.0.0.1:{backend}")]
    return [sys.executable, "-m", "balancer", "--listen", f"127.0.0.1:{port}", "--health-path", "/", *each]


def nginx(port: int, backends: list[int], folder: Path) -> list[str]:
    servers = "".join(f"server 127.0.0.1:{backend}; " for backend in backends)
    return ["nginx", "-c", configured("nginx-proxy.conf", folder, PORT=port, SERVERS=servers)]


def haproxy(port: int, backends: list[int], folder: Path) -> list[str]:
    servers = "\n".join(f"    server s{backend} 127.0.0.1:{backend}" for backend in backends)
    return ["haproxy", "-db", "-f", configured("haproxy.cfg", folder, PORT=port, SERVERS=servers)]


PROXIES: dict[str, Callable[[int, list[int], Path], list[str]]] = {"ours": ours, "nginx": nginx, "haproxy": haproxy}


WORKS = {
    "plain": "",
    "varied": 'n = 0 request = function() n = n + 1 return wrk.format(nil, "/?n=" .. n) end',
    "post": 'wrk.method = "POST" wrk.body = "item=tent&quantity=1"',
}
"""What is asked, as wrk's scripts: the same head again and again, one that differs each time, a small body."""


def wrk(port: int, connections: int, seconds: int, script: str) -> int:
    """One run of the generator; the number of answers. Any error among them ends the benchmark."""
    headers = [word for name, value in BROWSER_HEAD.items() for word in ("-H", f"{name}: {value}")]
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, *headers]
    said = subprocess.run([*command, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(said)
    return int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]


def measure(rounds: int, seconds: int, connections: int, work: str) -> dict[str, list[float]]:
    """CPU microseconds per request, round by round, for each proxy that is installed."""
    found = {name: make for name, make in PROXIES.items() if name == "ours" or shutil.which(name)}
    figures: dict[str, list[float]] = {name: [] for name in found}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        folder.chmod(0o755)  # nginx's workers are another user when it is started by root
        script = folder / "work.lua"
        script.write_text(WORKS[work])

        def start(core: int, command: list[str], port: int) -> int:
            process = pinned(core, command, folder)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            until_listening(port, process)
            return process.pid

        backends = [free_port() for _ in range(2)]
        for port in backends:
            start(1, ["nginx", "-c", configured("nginx-backend.conf", folder, PORT=port)], port)
        running = {}
        for name, make in found.items():
            port = free_port()
            running[name] = (port, start(0, make(port, backends, folder), port))
            wrk(port, connections, 1, str(script))  # warm: connections made, caches filled
        for _ in range(rounds):
            for name, (port, pid) in running.items():
                before = cpu_seconds(pid)
                answers = wrk(port, connections, seconds, str(script))
                figures[name].append((cpu_seconds(pid) - before) / answers * 1e6)
    return figures


def report(figures: dict[str, list[float]], work: str) -> dict[str, object]:
    medians = {name: round(statistics.median(values), 1) for name, values in figures.items()}
    ratios = {}
    for name in figures:
        if name != "ours":
            each = sorted(a / b for a, b in zip(figures["ours"], figures[name], strict=True))
            ratios[name] = {
                "median": round(statistics.median(each), 2),
                "spread": [round(each[0], 2), round(each[-1], 2)],
            }
    return {"work": work, "us_per_request": medians, "ratio_of_ours": ratios, "rounds": len(figures["ours"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2, help="of each wrk run")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--work", choices=WORKS, default="plain")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    for needed in ("wrk", "nginx", "taskset"):
        if shutil.which(needed) is None:
            parser.exit(2, f"{parser.prog}: {needed} is not installed; it asks, or serves behind the proxies\n")
    result = report(measure(args.rounds, args.seconds, args.connections, args.work), args.work)
    if args.json:
        print(json.dumps(result))
        return
    for name, value in result["us_per_request"].items():  # type: ignore[attr-defined]
        ratio = result["ratio_of_ours"].get(name)  # type: ignore[attr-defined]
        beside = (
            f"   ours / {name} = {ratio['median']:.2f}  ({ratio['spread'][0]:.2f} .. {ratio['spread'][1]:.2f})"
            if ratio
            else ""
        )
        print(f"{name:8} {value:6.1f} us CPU per request{beside}")


if __name__ == "__main__":
    main()
