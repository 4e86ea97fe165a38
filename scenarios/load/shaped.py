"""The lab's load shapes for locust (the shapes themselves: scenarios/shapes.py)."""

from typing import Any

from locust import LoadTestShape
from locust.env import Environment

from scenarios.shapes import SHAPES, users_at

RUN_TIME = 120.0  # seconds, without --run-time
SPAWN_RATE = 100.0  # users a second, without --spawn-rate: a shape is followed as closely as locust can


class Shaped(LoadTestShape):
    """Follows one of SHAPES over --run-time, with --users at its highest."""

    abstract = True  # locust would use any other shape that it finds in a locustfile, asked or not
    use_common_options = True

    def __init__(self, name: str, options: Any) -> None:
        super().__init__()
        self._shape = SHAPES[name]
        self._options = options

    def tick(self) -> tuple[int, float] | None:
        length = self._options.run_time or RUN_TIME
        time = self.get_run_time() / length
        if time >= 1:
            return None
        rate = self._options.spawn_rate or SPAWN_RATE
        return users_at(self._shape, time, self._options.num_users or 1), rate


def connect(environment: Environment) -> None:
    """Use the shape that --shape names."""
    options: Any = environment.parsed_options
    if options.shape is not None and not options.worker:
        shape = Shaped(options.shape, options)
        shape.runner = environment.runner
        environment.shape_class = shape
