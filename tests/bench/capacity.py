"""The arithmetic of README's "Past one machine": what the figures of parts.py come to with more servers. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BUSY = 0.7
"""The share of a core that is used before there has to be another: what compose/kubernetes' autoscaler aims at."""


@dataclass(frozen=True)
class Capacity:
    """What so many servers bring about, one core each, when `BUSY` of it is used."""

    servers: int
    requests: float  # a second
    commands: float  # that Redis gets, a second
    connections: int  # that Redis has
    balancer_cores: int  # used as much
    redis_cores: float  # that its commands take; one Redis has one for them, however many the machine has

    @property
    def redis_nodes(self) -> int:
        return math.ceil(self.redis_cores / BUSY)


def capacity(servers: int, figures: Mapping[str, Any]) -> Capacity:
    """`figures` as parts.py gives them; of its rows, the one of users who never pause."""
    row = min(figures["rows"], key=lambda row: row["think"])
    requests = servers * BUSY / row["server_us"] * 1e6
    commands = requests * sum(row["commands"].values())
    return Capacity(
        servers,
        requests,
        commands,
        round(servers * row["connections_each"]),
        cores(requests, row["balancer_us"]),
        commands * figures["command_us"] / 1e6,
    )


def cores(requests: float, cost: float) -> int:
    """So many are needed for so many requests a second, each of which costs `cost` CPU microseconds."""
    return math.ceil(requests * cost / 1e6 / BUSY)


def fed_by_one_redis(figures: Mapping[str, Any]) -> int:
    """Servers, when they and Redis are equally busy."""
    return int(BUSY / capacity(1, figures).redis_cores)
