"""What `lab load` was asked for."""

from dataclasses import dataclass
from pathlib import Path


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
