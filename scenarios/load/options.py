"""What the lab's users add to locust's command line. Its web UI shows the ones that can be changed there."""

import argparse
import math
from collections.abc import Callable
from typing import Any

from scenarios.shapes import SHAPES


def add(parser: Any) -> None:
    """`parser` is locust's own; locust sends the values to its workers."""
    add_argument = parser.add_argument  # of a group, it could not say what the web UI shows
    share = between(0.0, 1.0, "share")
    add_argument(
        "--max-logout-rate", type=share, default=None, metavar="R", include_in_web_ui=False,
        help="exit with 1 if more of the requests with a session ID were answered as to a stranger: 0.01 is 1 %%",
    )  # fmt: skip
    add_argument(
        "--think", type=between(0.0, 3600.0, "pause"), default=1.0, metavar="SECONDS",
        help="mean pause between two clicks of a user (default: 1)",
    )  # fmt: skip
    add_argument("--seed", type=int, default=1, help="of everything random in the users (default: 1)")
    add_argument("--cookie", default="session_id", help="the session cookie's name (default: session_id)")
    add_argument(
        "--shape", choices=list(SHAPES), default=None, metavar="NAME", include_in_web_ui=False,
        help="how the number of users changes over --run-time, at most --users: " + ", ".join(SHAPES),
    )  # fmt: skip
    add_argument(
        "--law", type=share, default=None, metavar="R", include_in_web_ui=False,
        help="the logout rate that theory expects, to be shown beside the measured one",
    )  # fmt: skip
    add_argument(
        "--tell", type=int, default=None, metavar="FD", include_in_web_ui=False,
        help="write the numbers to this file descriptor, a line of JSON a second",
    )  # fmt: skip


def between(lowest: float, highest: float, what: str) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{text!r} is no {what}; choose {lowest:g} to {highest:g}")
        return value

    return parse
