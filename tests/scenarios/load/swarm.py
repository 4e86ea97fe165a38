"""Stock locust on the lab's locustfile, as a process, from a folder that is not the checkout."""

import asyncio
import json
import os
import random
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCUSTFILE = Path(__file__).resolve().parents[3] / "scenarios" / "load" / "locustfile.py"


@dataclass(frozen=True)
class Swarmed:
    """What a locust run left: its exit code, its log, and the lines it told on `--tell`."""

    code: int
    log: str
    lines: list[dict[str, Any]]

    @property
    def last(self) -> dict[str, Any]:
        return self.lines[-1]

    def total(self, counted: str) -> int:
        """A count of Felt over all servers."""
        return sum(felt[counted] for felt in self.last["tally"]["servers"].values())

    def row(self, kind: str) -> int:
        """How often all rows of this type happened, by locust's own statistics."""
        return sum(requests for method, _, requests, _ in self.last["rows"] if method == kind)


async def swarm(
    url: str, folder: Path, *words: str, users: int = 20, seconds: int = 3, locustfile: Path = LOCUSTFILE
) -> Swarmed:
    """Run locust without its web UI, for so many seconds."""
    reading, writing = os.pipe()
    load = ("--headless", "-u", str(users), "-r", str(users), "-t", f"{seconds}s", "--think", "0.05", "--only-summary")
    if "--processes" in words:
        port = str(free_port())
        words += ("--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port)
    argv = [sys.executable, "-P", "-m", "locust", "-f", str(locustfile), "--host", url, *load, "--tell", str(writing)]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = await asyncio.create_subprocess_exec(
        *argv, *words, cwd=folder, env=environ, pass_fds=(writing,), stderr=asyncio.subprocess.PIPE
    )
    os.close(writing)
    told = asyncio.create_task(asyncio.to_thread(read, reading))
    _, log = await process.communicate()
    return Swarmed(process.returncode or 0, log.decode(), [json.loads(line) for line in (await told).splitlines()])


def read(descriptor: int) -> bytes:
    with open(descriptor, "rb") as pipe:
        return pipe.read()


def free_port() -> int:
    """One that locust can be told to take: below those that the system hands out by itself, so that nobody else takes
    it meanwhile."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")
