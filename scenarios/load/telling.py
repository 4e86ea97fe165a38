"""The numbers for whoever started locust (`lab load`, tests): a line of JSON a second, and a last one at the end."""

import json
import os
import time
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import WorkerRunner

from scenarios.load.logouts import TALLY

EVERY = 1.0  # seconds


def connect(environment: Environment) -> None:
    options: Any = environment.parsed_options
    runner: Any = environment.runner
    if options.tell is None or isinstance(runner, WorkerRunner):
        return

    def tell(**more: Any) -> None:
        line = json.dumps({**numbers(environment), **more}) + "\n"
        os.write(options.tell, line.encode())

    def tell_again_and_again() -> None:
        try:
            while True:
                tell()
                gevent.sleep(EVERY)
        except OSError:  # nobody reads any more: whoever started this has gone
            gevent.spawn(runner.quit)

    telling = gevent.spawn(tell_again_and_again)

    def last_word(exit_code: int, **_: Any) -> None:
        telling.kill()
        tell(exit_code=exit_code)

    environment.events.quit.add_listener(last_word)


def numbers(environment: Environment) -> dict[str, Any]:
    """Counts since the run began; times in milliseconds. `rows` are locust's: [type, name, requests, failures]."""
    runner: Any = environment.runner
    stats = environment.stats
    total = stats.total
    return {
        "time": time.time(),
        "port": getattr(getattr(runner, "server", None), "port", None),  # where a master waits for its workers
        "state": runner.state,
        "users": runner.user_count,
        "requests": total.num_requests,
        "failures": total.num_failures,
        "per_second": total.current_rps,
        "p50": total.get_response_time_percentile(0.5),
        "p95": total.get_response_time_percentile(0.95),
        "broken": TALLY.broken,
        "tally": TALLY.copied(),
        "rows": [[row.method, row.name, row.num_requests, row.num_failures] for row in stats.entries.values()],
    }
