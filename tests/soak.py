"""A long mixed load with faults, and whether the balancer's process grows from it.

    python -m tests.soak [--minutes M] [--visitors N] [--seed N]

Rounds of some seconds each: visitors of every kind (visitors.py) meet backends that cut, reset, garble and hang up, are
killed and come back, are stopped and go on. After each round everybody goes home, and what the quiet process holds is
measured: memory (resident), file descriptors, connections, requests in flight. Exit code 1, and a line that says why,
when memory or descriptors grow, anything is left in flight, a POST was done twice, or an answer was wrong.
"""

import argparse
import asyncio
import signal
import statistics
from asyncio.subprocess import Process
from collections import Counter
from dataclasses import dataclass, field
from random import Random

import psutil

from tests.faults.processes import Processes
from tests.faults.visitors import Visitor, Wrong

LOAD = 2.0
"""Seconds of load in a round."""
FEWEST = 5
"""Rounds, however short the time."""
MOODS = "0.05"
QUIET = 15.0
"""Seconds within which everything must be over when the last visitor has gone."""
MOST_GROWTH = 4096.0
"""KiB of memory in the second half of the rounds, by the line that fits them best: what the allocator makes of the same
load goes up and down by half of that. In an hour, 200 rounds of 3,000 requests, 7 bytes a request would be too many."""
OPTIONS = (
    "--response-timeout", "2", "--head-timeout", "2", "--idle-timeout", "3", "--backend-idle-timeout", "2",
    "--health-interval", "0.2", "--fall", "5",
)  # fmt: skip


class Failure(Exception):
    """What must not be; one line."""


@dataclass(frozen=True)
class Measured:
    """The quiet process after a round."""

    memory: float
    """KiB."""
    descriptors: int


@dataclass
class Soak:
    """One balancer, four backends, and rounds of load on them."""

    processes: Processes
    seed: int
    visitors: int
    seen: Counter[str] = field(default_factory=Counter)
    backends: dict[str, Process] = field(default_factory=dict)
    rounds: list[Measured] = field(default_factory=list)

    async def start(self) -> None:
        self.record = self.processes.folder / "posts"
        self.rng = Random(self.seed)
        for _ in range(4):
            await self.start_backend("0")
        process, self.address = await self.processes.balancer(*self.backends, options=OPTIONS)
        self.process = psutil.Process(process.pid)

    async def start_backend(self, port: str) -> None:
        options = {"port": port, "moods": MOODS, "record": self.record, "seed": self.rng.randrange(1000)}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        process, address = await self.processes.backend("moody.py", *words)
        self.backends[address] = process

    async def round(self) -> Measured:
        """Raises Failure."""
        over = asyncio.get_running_loop().time() + LOAD
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self.visitors):
                    group.create_task(self.keep_visiting(over))
                group.create_task(self.break_backends())
        except* Wrong as wrong:
            raise Failure(f"a wrong answer: {wrong.exceptions[0]}") from None
        except* TimeoutError:
            raise Failure("a visit that got stuck") from None
        await self.go_home()
        posts = Counter(self.record.read_text().split())
        self.record.write_text("")
        if twice := [path for path, count in posts.items() if count > 1]:
            raise Failure(f"done twice: POST {twice[0]}, and {len(twice) - 1} more")
        measured = Measured(self.process.memory_info().rss / 1024, self.process.num_fds())
        self.rounds.append(measured)
        return measured

    async def keep_visiting(self, over: float) -> None:
        visitor = Visitor(self.address, Random(self.rng.random()), self.seen)
        while asyncio.get_running_loop().time() < over:
            await visitor.visit()

    async def break_backends(self) -> None:
        """One is stopped and goes on, another is killed and started again."""
        stopped, killed = self.rng.sample(sorted(self.backends), 2)
        self.backends[stopped].send_signal(signal.SIGSTOP)
        await asyncio.sleep(LOAD / 4)
        self.backends[killed].kill()
        await self.backends[killed].wait()
        await asyncio.sleep(LOAD / 4)
        self.backends[stopped].send_signal(signal.SIGCONT)
        await self.start_backend(killed.rpartition(":")[2])

    async def go_home(self) -> None:
        """Return once no client is connected, no request in flight, all backends up, and all connections closed."""
        left = ""
        try:
            async with asyncio.timeout(QUIET):
                while left != "nothing":
                    await asyncio.sleep(0.1)
                    left = await self.left()
        except TimeoutError:
            raise Failure(f"left {QUIET:g} s after the last visitor: {left}") from None

    async def left(self) -> str:
        state = await self.processes.tell("state")
        in_flight = sum(backend["in_flight"] for backend in state["backends"])
        down = [backend["name"] for backend in state["backends"] if not backend["healthy"]]
        open_ones = sum(bool(connection.raddr) for connection in self.process.net_connections("tcp"))
        if state["connections"] or in_flight or down:
            return f"{state['connections']} clients, {in_flight} requests in flight, down: {', '.join(down) or 'none'}"
        return f"{open_ones} connections" if open_ones else "nothing"

    def slope(self, what: str) -> float:
        """Growth in a round, in the second half of them: in the first, caches and pools of memory fill."""
        values = [float(getattr(measured, what)) for measured in self.rounds[len(self.rounds) // 2 :]]
        return statistics.linear_regression(range(len(values)), values).slope


async def soak(minutes: float, visitors: int, seed: int) -> Soak:
    """Raises Failure."""
    async with Processes() as processes:
        this = Soak(processes, seed, visitors)
        await this.start()
        loop = asyncio.get_running_loop()
        over = loop.time() + 60 * minutes
        while loop.time() < over or len(this.rounds) < FEWEST:
            before = this.seen.total()
            measured = await this.round()
            print(
                f"round {len(this.rounds):4}: {this.seen.total() - before:6} requests, "
                f"{measured.memory / 1024:6.1f} MiB, {measured.descriptors:3} file descriptors",
                flush=True,
            )
        memory, descriptors = this.slope("memory"), this.slope("descriptors")
        print(f"slope: {memory:+.1f} KiB and {descriptors:+.2f} file descriptors a round;", *sorted(this.seen.items()))
        if memory * len(this.rounds) / 2 > MOST_GROWTH:
            raise Failure(f"memory grows by {memory:.0f} KiB a round")
        if descriptors > 0.5:
            raise Failure(f"file descriptors grow by {descriptors:.2f} a round")
        return this


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--visitors", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    try:
        asyncio.run(soak(args.minutes, args.visitors, args.seed))
    except Failure as failure:
        parser.exit(1, f"{parser.prog}: {failure}\n")


if __name__ == "__main__":
    main()
