"""What a run ends with: the logout rate in one line of locust's log, and the exit code."""

import logging
from typing import Any

from locust.env import Environment
from locust.runners import WorkerRunner

from scenarios.intervals import wilson
from scenarios.load.logouts import ROWS, SOMEBODY_ELSE, TALLY
from scenarios.load.tally import Tally

log = logging.getLogger("session_lab")


def connect(environment: Environment) -> None:
    def quitting(**_: Any) -> None:
        if TALLY.total.requests and not TALLY.broken:
            log.info(summary(TALLY))
        code = exit_code(environment, TALLY)
        if code is not None:
            environment.process_exit_code = code

    if not isinstance(environment.runner, WorkerRunner):
        environment.events.quitting.add_listener(quitting)


def summary(tally: Tally) -> str:
    total = tally.total
    if tally.rate is None:
        return f"Logout rate: none of {total.requests} requests carried a session ID"
    low, high = wilson(total.logged_out, total.with_session)
    return (
        f"Logout rate: {tally.rate:.1%} ({total.logged_out} of {total.with_session} requests with a session ID; "
        f"95 %: {low:.1%} to {high:.1%})"
    )


def exit_code(environment: Environment, tally: Tally) -> int | None:
    """None leaves it to locust, which ends with 1 after any failure, and a logout is one. With --max-logout-rate those
    up to the bound are forgiven, and what follows from them; errors and pages of somebody else never are."""
    options: Any = environment.parsed_options
    if environment.process_exit_code is not None or options.max_logout_rate is None:
        return environment.process_exit_code
    if tally.rate is None:
        log.error("--max-logout-rate: nothing was measured, because no request carried a session ID")
        return 1
    if tally.rate > options.max_logout_rate:
        log.error("Logout rate %.2f %% is above --max-logout-rate %g", 100 * tally.rate, options.max_logout_rate)
        return 1
    forgiven = {kind for kind, _ in ROWS.values()} - {SOMEBODY_ELSE}
    errors = {error.method for error in environment.stats.errors.values()} - forgiven
    return None if errors else 0
