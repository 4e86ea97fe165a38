"""A balancer under load while everything about it changes: no request may fail.

    python -m tests.faults.load [--runs N] [--requests N] [--clients N] [--restart] [--workers N]

Each run starts a balancer and four backends. Clients in a closed loop GET and POST until that many requests are
answered; meanwhile the policy is switched and backends are added, drained and removed, each of them time and again.
With --restart it is the balancer itself that is followed by another, again and again, and a quarter of the clients
opens a connection for each request.
"""

import argparse
import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import uvloop

from balancer.policies import POLICIES
from tests.faults.clients import Crowd, processed
from tests.faults.processes import Processes


@dataclass(frozen=True)
class Outcome:
    """What one run has shown."""

    answered: int
    failures: Counter[str]
    doubled: int
    """POSTs that backends did more than once."""
    undone: int
    """POSTs that no backend did."""
    changes: int
    seconds: float

    @property
    def flawless(self) -> bool:
        return not self.failures and not self.doubled and not self.undone


@dataclass(frozen=True)
class Scene:
    """What changes may be made to."""

    processes: Processes
    backends: dict[str, str]
    """Addresses by name; all but the first are in the balancer's pool only now and then."""
    policies: Iterator[str] = field(default_factory=lambda: itertools.cycle(POLICIES))


Change = Callable[[Scene], Awaitable[None]]


async def switch_and_drain(scene: Scene) -> None:
    """One round: another policy, all backends in, one drained, all but one out."""
    others = list(scene.backends)[1:]
    tell, policies = scene.processes.tell, scene.policies
    await tell("policy", name=next(policies))
    for name in others:
        await tell("add", address=scene.backends[name], name=name)
    await tell("policy", name=next(policies))
    await tell("drain", name=others[0])
    for name in others:
        await tell("remove", name=name, wait=True)


async def restart(scene: Scene) -> None:
    await scene.processes.restart()


async def load(
    requests: int,
    clients: int,
    change: Change = switch_and_drain,
    options: tuple[str, ...] = (),
    hasty: int = 0,
) -> Outcome:
    """One run; `change` is made again and again while it lasts. `options`: the balancer's. `hasty`: see Crowd."""
    async with Processes() as processes:
        backends = {name: (await processes.backend("scripted.py"))[1] for name in ("one", "two", "three", "four")}
        _, address = await processes.balancer(f"one={backends['one']}", options=options)
        crowd = Crowd(address, clients, requests, hasty=hasty)
        scene = Scene(processes, backends)
        began = time.perf_counter()
        playing = asyncio.create_task(crowd.play())
        changes = 0
        while not playing.done():
            await change(scene)
            changes += 1
        await playing
        seconds = time.perf_counter() - began
        done = await processed(list(backends.values()))
        return Outcome(
            answered=crowd.answered,
            failures=crowd.failures,
            doubled=sum(done[path] > 1 for path in crowd.posted),
            undone=sum(done[path] == 0 for path in crowd.posted),
            changes=changes,
            seconds=seconds,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--requests", type=int, default=100_000, help="in each run")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--restart", action="store_true", help="the balancer is what changes")
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    options = ("--workers", str(args.workers))
    change, hasty = (restart, args.clients // 4) if args.restart else (switch_and_drain, 0)
    flawless = 0
    for run in range(1, args.runs + 1):
        outcome = uvloop.run(load(args.requests, args.clients, change, options, hasty))
        flawless += outcome.flawless
        print(
            f"run {run}: {outcome.answered} answered, {outcome.failures.total()} failed, {outcome.doubled} POSTs "
            f"doubled, {outcome.undone} undone, {outcome.changes} rounds of changes, {outcome.seconds:.1f} s",
            *outcome.failures.items(),
            flush=True,
        )
    parser.exit(0 if flawless == args.runs else 1)


if __name__ == "__main__":
    main()
