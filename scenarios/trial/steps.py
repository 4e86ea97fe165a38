"""What is done behind each balancer, and what the users felt of it.

The users count, not the balancer: they are the same behind all of them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from scenarios import theory
from scenarios.cluster.processes import ProcessCluster
from scenarios.stage import Lab

RELOADS = 3
A_WHILE = 2.0
"""Seconds in which every health check has found a dead server."""


class Trial(Lab):
    """A lab whose balancer is on trial. `requests` are those of the steps that have a number of them."""

    def __init__(self, cluster: ProcessCluster, requests: int, *rest: Any) -> None:
        super().__init__(cluster, *rest)
        self.balancer = cluster.balancer
        self.requests = requests
        self.row: dict[str, Any] = {}

    @asynccontextmanager
    async def measured(self, cpu: bool = False) -> AsyncIterator[None]:
        """What happens in the block becomes `row`. `cpu`: also what the balancer used, where no worker ends in it."""
        felt, losses, moves = self.felt(), self.losses(), self.moves()
        used = await self.balancer.cpu() if cpu else 0.0
        yield
        felt = self.crowd.felt.since(felt)
        self.row = {
            "requests": felt.requests,
            "with_session": felt.with_session,
            "logged_out": felt.logged_out,
            "failed": felt.failed + felt.unavailable,
            "users": len(losses),
            "users_out": len(self.lost_since(losses)),
            "users_moved": sum(count > moves[name] for name, count in self.moves().items()),
            "cpu_us": (await self.balancer.cpu() - used) / felt.requests * 1e6 if cpu else None,
        }

    def moves(self) -> dict[str, int]:
        """How often each user has been answered by another server than the time before."""
        return {shopper.name: shopper.moves for shopper in self.crowd.shoppers}


async def incident(trial: Trial) -> None:
    await trial.arrange(servers=trial.servers, store="memory", policy="round_robin")
    trial.patience(theory.tries_until_known(trial.servers))
    await trial.crowd.shop(trial.requests // 4)  # connections are made, everybody has a wristband
    async with trial.measured(cpu=True):
        await trial.crowd.shop(trial.requests)


async def sticky(trial: Trial) -> None:
    await bring_back(trial, "memory")
    async with trial.measured(cpu=True):
        await trial.crowd.shop(trial.requests)


async def killed_server(trial: Trial) -> None:
    await bring_back(trial, "memory")
    victim = trial.cluster.names()[trial.servers // 2]
    async with trial.measured(), trial.traffic():
        await trial.cluster.kill(victim)
        await asyncio.sleep(A_WHILE)
    await trial.cluster.restart(victim)
    await trial.settle()


async def rolling_deploy(trial: Trial) -> None:
    await bring_back(trial, "redis")
    async with trial.measured():
        async with trial.traffic():
            for name in trial.cluster.names():
                await trial.cluster.restart(name)
        await trial.crowd.shop(2 * trial.settings.users)  # everybody has found out


async def reload(trial: Trial) -> None:
    await bring_back(trial, "redis")
    async with trial.measured(), trial.traffic():
        for _ in range(RELOADS):
            await trial.balancer.reload()
            await asyncio.sleep(A_WHILE / RELOADS)


async def bring_back(trial: Trial, store: str) -> None:
    """Everybody has a server, and stays there."""
    await trial.arrange(servers=trial.servers, store=store, policy="sticky_cookie")
    trial.patience(3)
    await trial.settle()


@dataclass(frozen=True)
class Step:
    """What theory says of `servers` in it: the logout rate, and the share of users who are moved; None: no law, or
    nothing that would be worth telling."""

    name: str
    play: Callable[[Trial], Awaitable[None]]
    rate: Callable[[int], float | None]
    moved: Callable[[int], float | None]


STEPS = (
    Step("incident", incident, theory.keep_law, lambda servers: None),
    Step("sticky", sticky, lambda servers: 0.0, lambda servers: 0.0),
    Step("killed server", killed_server, lambda servers: None, theory.lost_with_server),
    Step("rolling deploy", rolling_deploy, lambda servers: 0.0, lambda servers: 1.0),
    Step("reload", reload, lambda servers: 0.0, lambda servers: 0.0),
)
