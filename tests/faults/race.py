"""The keep-alive race with real servers: how many POSTs a proxy loses or doubles when backends close what rests.

    python -m tests.faults.race [--requests N] [--proxy balancer|nginx|haproxy]

Lost: the client got no 200. Doubled: the backend did it twice. Half of the requests are GETs: they may be done twice.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from asyncio.subprocess import Process
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.bench.proxies import PROXIES, free_port
from tests.faults.clients import Crowd, Think, processed
from tests.faults.processes import Processes


@dataclass(frozen=True)
class Case:
    """A backend, and how long clients think between two requests: about as long as it keeps connections."""

    backend: tuple[str, ...]
    think: Think
    clients: int


def short(rng: Random) -> float:
    return rng.uniform(0, 0.025)


def about(seconds: float) -> Think:
    """One half at once, the other just when the backend's patience ends."""
    return lambda rng: rng.uniform(0, 0.05) if rng.random() < 0.5 else seconds + rng.uniform(-0.03, 0.03)


CASES = {
    "closes at random within 20 ms": Case(("scripted.py", "--longest-rest", "0.02"), short, 32),
    "closes at random within 2 s": Case(("scripted.py", "--longest-rest", "2"), short, 64),
    "aiohttp, 0.3 s": Case(("kept_by_aiohttp.py", "0.3"), about(0.3), 200),
    "aiohttp, 1.5 s": Case(("kept_by_aiohttp.py", "1.5"), about(1.5), 400),
    "node, 0.3 s": Case(("kept_by_node.js", "0.3"), about(0.3), 200),
    "node, 1.5 s": Case(("kept_by_node.js", "1.5"), about(1.5), 400),
    "node, 2 s, and says so": Case(("kept_by_node.js", "2", "says"), about(2.0), 400),
}


@dataclass(frozen=True)
class Result:
    posts: int
    lost: int
    doubled: int
    failures: Counter[str]
    """Of GETs, too."""
    state: dict[str, Any]
    """The balancer's own account; empty for other proxies."""


async def race(case: Case, requests: int, proxy: str = "balancer") -> Result:
    async with Processes() as processes:
        addresses = [(await processes.backend(*case.backend))[1] for _ in range(2)]
        with tempfile.TemporaryDirectory(prefix="race-") as folder:
            Path(folder).chmod(0o755)  # nginx's workers are another user when it is started by root  # noqa: ASYNC240
            process, address = await start_proxy(processes, proxy, addresses, Path(folder))
            crowd = Crowd(address, case.clients, requests, case.think)
            await crowd.play()
            done = await processed(addresses)
            state = await processes.tell("state") if proxy == "balancer" else {}
            process.terminate()  # nginx ends its workers
            await process.wait()
    return Result(
        posts=len(crowd.posted),
        lost=sum(count for what, count in crowd.failures.items() if what.startswith("POST")),
        doubled=sum(done[path] > 1 for path in crowd.posted),
        failures=crowd.failures,
        state=state,
    )


async def start_proxy(
    processes: Processes, proxy: str, addresses: list[str], folder: Path
) -> tuple[Process, tuple[str, int]]:
    if proxy == "balancer":
        return await processes.balancer(*addresses, options=("--health-path", "", "--fall", "1000"))
    port = free_port()
    process = await processes.launch(*PROXIES[proxy](port, [int(a.rpartition(":")[2]) for a in addresses], folder, ()))
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0)
        else:
            writer.close()
            return process, ("127.0.0.1", port)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--requests", type=int, default=10_000, help="in each case")
    parser.add_argument("--proxy", choices=("balancer", "nginx", "haproxy"), default="balancer")
    parser.add_argument("--case", choices=CASES, help="only this one")
    args = parser.parse_args()
    for name, case in CASES.items():
        if args.case not in (None, name) or shutil.which("node" if "node" in name else sys.executable) is None:
            continue
        result = asyncio.run(race(case, args.requests, args.proxy))
        print(
            f"{name:32} POSTs {result.posts:6}  lost {result.lost:4}  doubled {result.doubled:4}",
            *result.failures.items(),
        )


if __name__ == "__main__":
    main()
