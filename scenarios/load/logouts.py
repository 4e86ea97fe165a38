"""Logouts in locust's own world: a row for each kind of harm and what the user was doing, and sums over all workers.

How totals stay true. A logout is not one more request, it is what was wrong with one. So its row counts in its own line
(requests and failures of the row: how often it happened), and in locust's totals as a failure only: "Aggregated" has as
many requests as were made, and as many failures as requests that failed somebody - by an error or by a logout.
"""

from typing import Any

from locust.env import Environment
from locust.stats import RequestStats

from scenarios.felt import Answer
from scenarios.load.tally import Tally

LOGOUT, SOMEBODY_ELSE = "LOGOUT", "SOMEBODY ELSE"

ROWS = {
    "logged out": (LOGOUT, "showed a session ID and was treated as a stranger ({logbook})"),
    "somebody else": (SOMEBODY_ELSE, "got a page that belongs to another member"),
    "cart gone": ("LOST CART", "what was put into the cart is not there any more"),
    "order lost": ("LOST ORDER", "placed an order and nothing came of it"),
}
"""What was felt (a key of scenarios.felt.WORDS) -> the type of locust's row, and the failure's message."""

TALLY = Tally()
"""Of this process: the users it runs or, on a master, those of all its workers."""

KEY = "session_lab"  # of our part in the reports that workers send


def happened(stats: RequestStats, what: str, doing: str, answer: Answer) -> None:
    """Write one row."""
    kind, message = ROWS[what]
    stats.get(doing, kind).log(round(answer.seconds * 1e3), 0)
    stats.log_error(kind, doing, message.format(logbook=answer.page.get("logbook")))


def connect(environment: Environment) -> None:
    """Count anew when locust does, and send what workers have counted to their master with locust's own reports."""
    events = environment.events

    def clear(**_: Any) -> None:
        TALLY.clear()

    def spawning_complete(**_: Any) -> None:
        if environment.reset_stats:
            TALLY.clear()

    def report_to_master(data: dict[str, Any], **_: Any) -> None:
        data[KEY] = TALLY.report()

    def worker_report(data: dict[str, Any], **_: Any) -> None:
        TALLY.add(data[KEY])

    events.test_start.add_listener(clear)
    events.reset_stats.add_listener(clear)
    events.spawning_complete.add_listener(spawning_complete)
    events.report_to_master.add_listener(report_to_master)
    events.worker_report.add_listener(worker_report)
