"""What `lab load` was asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Load:
    """Users and their engine. Times in seconds."""

    users: int
    spawn_rate: float
    run_time: float | None
    think: float
    seed: int
    workers: int
    """Locust's worker processes; 0: one process does everything."""
    shape: str | None
    web_port: int | None
    html: Path | None
    csv: Path | None


@dataclass(frozen=True)
class Bounds:
    """What must not be exceeded: a share, and milliseconds."""

    max_logout_rate: float | None
    max_p95: float | None


@dataclass(frozen=True)
class Where:
    """On an address; else on the running lab of this name, unless a lab of its `own` was asked for (`alone`) or none
    of this name runs. `own` goes into the start of a `cluster`, one of CLUSTERS."""

    host: str | None
    name: str
    cluster: str
    own: dict[str, Any]
    alone: bool
