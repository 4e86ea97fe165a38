"""How fast ten servers start and how much memory they take: forked from one warm parent, and as ten interpreters.

    python tests/bench/start.py [--rounds N] [--servers N] [--json]

Both ways in interleaved rounds; the median of each. Time: from the start until /health has answered 200 through
every server. Memory: the sum of the servers' PSS (/proc/PID/smaps_rollup): shared pages count once in all.
"""

import argparse
import asyncio
import atexit
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from scenarios.cluster.processes import ProcessCluster

GOAL_SECONDS = 0.6
GOAL_MIB = 120.0


def pss_mib(pids: list[int]) -> float:
    """Proportional set size of these processes together."""
    rollups = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids)
    return sum(int(found[1]) for text in rollups if (found := re.search(r"^Pss:\s+(\d+) kB", text, re.M))) / 1024


async def until_healthy(addresses: list[str]) -> None:
    """One GET /health each. No client library: its import would be measured."""
    for address in addresses:
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]


async def forked(servers: int) -> tuple[float, float]:
    folder = Path(tempfile.mkdtemp(prefix="lab-", dir="/tmp"))
    begun = time.perf_counter()
    async with await ProcessCluster.start(folder, servers=servers) as cluster:
        [front] = [cluster.url.removeprefix("http://")]
        await until_healthy([front] * servers)  # round robin: one each
        seconds = time.perf_counter() - begun
        state = await cluster.state()
        assert [server["requests"] for server in state["servers"]] == [1] * servers
        return seconds, pss_mib([server["pid"] for server in state["servers"]])


def interpreter(name: str, folder: Path) -> "subprocess.Popen[str]":
    options = ["--name", name, "--listen", "127.0.0.1:0", "--shop", str(folder / "shop.db")]
    command = [sys.executable, "-m", "servers", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


async def interpreters(servers: int) -> tuple[float, float]:
    folder = Path(tempfile.mkdtemp(prefix="lab-", dir="/tmp"))
    begun = time.perf_counter()
    processes = [interpreter(f"server-{number}", folder) for number in range(1, servers + 1)]
    try:
        lines = [process.stdout.readline() for process in processes if process.stdout]
        await until_healthy([line.split()[-1] for line in lines])
        seconds = time.perf_counter() - begun
        return seconds, pss_mib([process.pid for process in processes])
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.communicate()
        shutil.rmtree(folder)


def compile_once() -> None:
    """Both sides run from compiled modules, as where pip installed them, whatever this environment keeps."""
    compiled = tempfile.mkdtemp(prefix="lab-pyc-", dir="/tmp")
    atexit.register(shutil.rmtree, compiled)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = compiled
    asyncio.run(forked(1))
    asyncio.run(interpreters(1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--servers", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    compile_once()
    rounds = [
        (asyncio.run(forked(options.servers)), asyncio.run(interpreters(options.servers)))
        for _ in range(options.rounds)
    ]
    (fork_s, fork_mib), (own_s, own_mib) = (
        [statistics.median(values) for values in zip(*side, strict=True)] for side in zip(*rounds, strict=True)
    )
    if options.json:
        forked_too = {"seconds": round(fork_s, 2), "pss_mib": round(fork_mib, 1)}
        each = {"seconds": round(own_s, 2), "pss_mib": round(own_mib, 1)}
        print(json.dumps({"servers": options.servers, "rounds": options.rounds, "forked": forked_too, "each": each}))
        return 0
    print(f"{options.servers} servers, median of {options.rounds} interleaved rounds")
    print(f"{'':24}{'seconds':>10}{'MiB PSS':>10}")
    print(f"{'one warm parent':24}{fork_s:10.2f}{fork_mib:10.1f}")
    print(f"{'an interpreter each':24}{own_s:10.2f}{own_mib:10.1f}")
    print(f"{'ratio':24}{fork_s / own_s:10.2f}{fork_mib / own_mib:10.2f}")
    print(f"{'goal':24}{GOAL_SECONDS:10.2f}{GOAL_MIB:10.1f}")
    return 0 if fork_s <= GOAL_SECONDS and fork_mib <= GOAL_MIB else 1


if __name__ == "__main__":
    sys.exit(main())
