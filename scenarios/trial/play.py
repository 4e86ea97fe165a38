"""The same steps behind each balancer, one cluster after the other."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from scenarios import runtime
from scenarios.checks import rate
from scenarios.cluster import CLUSTERS
from scenarios.stage import Settings
from scenarios.trial.steps import STEPS, Trial


@dataclass(frozen=True)
class Wanted:
    """`behind` are names from BALANCERS, `cluster` is one from CLUSTERS."""

    behind: tuple[str, ...]
    servers: int
    users: int
    requests: int
    seed: int
    cluster: str = "processes"


async def trials(wanted: Wanted) -> AsyncIterator[dict[str, Any]]:
    """A row for each step behind each balancer: what `Trial.measured` gives, with the names and theory's figures.
    Raises LabError, with everything ended."""
    for balancer in wanted.behind:
        async for row in trial_of(balancer, wanted):
            yield row


async def trial_of(balancer: str, wanted: Wanted) -> AsyncIterator[dict[str, Any]]:
    place = runtime.claim(f"trial-{os.getpid()}")
    try:
        start = CLUSTERS[wanted.cluster].start
        async with await start(place.folder, keep=(place.lock,), balancer=balancer, servers=wanted.servers) as cluster:
            await cluster.need("redis")
            settings = Settings(seed=wanted.seed, servers=wanted.servers, users=wanted.users)
            trial = Trial(cluster, wanted.requests, settings, lambda record, text: None)
            try:
                for step in STEPS:
                    await step.play(trial)
                    law = step.rate(wanted.servers)
                    row = trial.row
                    agrees = law is None or rate("", row["logged_out"], row["with_session"], law).passed
                    theory = {"theory_rate": law, "theory_moved": step.moved(wanted.servers), "agrees": agrees}
                    yield {"step": step.name, "behind": balancer, **row, **theory}
            finally:
                await trial.close()
    finally:
        place.release()
