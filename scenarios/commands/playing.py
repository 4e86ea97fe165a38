"""How a play is asked for: what `lab run` and `lab play` have in common."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from scenarios.commands.arguments import MOST_SERVERS, MOST_USERS, above_zero, number, one_of, servers
from scenarios.errors import LabError

if TYPE_CHECKING:
    from scenarios.recording import Journal
    from scenarios.stage import Settings

LIMITS = {"fast": 120.0, "watch": 1800.0, "step": 86400.0}
"""Seconds a play may take before it is stopped, unless --limit says otherwise."""


SERVERS = 10


def arguments(parser: argparse.ArgumentParser) -> None:
    scenario = parser.add_argument(
        "scenario", metavar="NAME|FILE.py", help="one of `lab scenarios`, or a script of yours"
    )
    setattr(scenario, "completer", complete_scenario)  # noqa: B010 - argcomplete's way in; argparse does not know it
    add = parser.add_argument
    add("--seed", type=int, default=1, help="of everything random in the users (default: 1)")
    add(
        "--pace",
        type=one_of("pace", LIMITS),
        choices=tuple(LIMITS),
        default="fast",
        help="fast, watch (slow, with pauses that Enter skips) or step (waits for Enter after each act)",
    )
    add(
        "--servers",
        type=servers,
        metavar="N",
        help=f"how many, 1 to {MOST_SERVERS}, in a scenario that leaves it open (default: {SERVERS})",
    )
    add(
        "--users",
        type=number("number of users", 1, MOST_USERS),
        default=MOST_USERS,
        metavar="K",
        help=f"how many, 1 to {MOST_USERS} (default: {MOST_USERS})",
    )
    recorded = parser.add_mutually_exclusive_group()
    recorded.add_argument("--journal", type=Path, metavar="FILE", help="record the run there, not among the kept runs")
    recorded.add_argument("--no-journal", action="store_true", help="do not record the run")
    add("--json", action="store_true", help="print the run's record as JSON, and nothing else")
    add("--limit", type=above_zero, metavar="SECONDS", help="stop a play that takes longer (default: 120 when fast)")


def complete_scenario(prefix: str, **_: object) -> list[str]:
    from scenarios.plays import SCENARIOS

    files = [str(path) for path in Path().glob("*.py")]
    return [name for name in [*SCENARIOS, *files] if name.startswith(prefix)]


def settings(args: argparse.Namespace, play: ModuleType, on_unknown: str) -> "Settings":
    """Raises LabError for a number of servers that this play would not even look at."""
    from scenarios import script
    from scenarios.stage import Settings

    if args.servers and not script.takes_servers(play):
        raise LabError(f"{args.scenario} says its own number of servers (it never reads lab.servers); omit --servers")
    servers = args.servers or SERVERS
    return Settings(seed=args.seed, pace=args.pace, servers=servers, users=args.users, on_unknown=on_unknown)


@contextmanager
def journal(args: argparse.Namespace, settings: "Settings") -> "Iterator[Journal | None]":
    """What records the play, finished when the block ends, however it ends; None with --no-journal."""
    from scenarios import recording

    if args.no_journal:
        yield None
        return
    named = args.journal is not None
    kept = (
        recording.journal_in(args.journal, settings, args.scenario)
        if named
        else recording.journal_kept(settings, args.scenario)
    )
    try:
        yield kept
    finally:
        if kept:
            kept.close()


def limit(args: argparse.Namespace) -> float:
    """Seconds; never more than a day, which is all that an event loop's clock is sure to take."""
    return min(args.limit or LIMITS[args.pace], 86400.0)
