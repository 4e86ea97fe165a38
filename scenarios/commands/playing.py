"""What `lab run` and `lab play` share: how a play is asked for, and how it is shown."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.commands.arguments import MOST_USERS, above_zero, add_servers, number

if TYPE_CHECKING:
    from scenarios.run import Listener
    from scenarios.stage import Settings

LIMITS = {"fast": 120.0, "watch": 1800.0, "step": 86400.0}
"""Seconds a play may take before it is stopped, unless --limit says otherwise."""


def arguments(parser: argparse.ArgumentParser) -> None:
    scenario = parser.add_argument(
        "scenario", metavar="NAME|FILE.py", help="one of `lab scenarios`, or a script of yours"
    )
    setattr(scenario, "completer", complete_scenario)  # noqa: B010 - argcomplete's way in; argparse does not know it
    add = parser.add_argument
    add("--seed", type=int, default=1, help="of everything random in the users (default: 1)")
    add(
        "--pace",
        choices=tuple(LIMITS),
        default="fast",
        help="fast, watch (slow, with pauses that Enter skips) or step (waits for Enter after each act)",
    )
    add_servers(parser, 10)
    add(
        "--users",
        type=number("number of users", 1, MOST_USERS),
        default=MOST_USERS,
        metavar="K",
        help=f"how many, 1 to {MOST_USERS} (default: {MOST_USERS})",
    )
    add("--journal", type=Path, metavar="FILE", help="record the run, for `lab replay`")
    add("--json", action="store_true", help="print the run's record as JSON, and nothing else")
    add("--limit", type=above_zero, metavar="SECONDS", help="stop a play that takes longer (default: 120 when fast)")


def complete_scenario(prefix: str, **_: object) -> list[str]:
    from scenarios.plays import SCENARIOS

    files = [str(path) for path in Path().glob("*.py")]
    return [name for name in [*SCENARIOS, *files] if name.startswith(prefix)]


def settings(args: argparse.Namespace, on_unknown: str) -> "Settings":
    from scenarios.stage import Settings

    return Settings(seed=args.seed, pace=args.pace, servers=args.servers, users=args.users, on_unknown=on_unknown)


def limit(args: argparse.Namespace) -> float:
    """Seconds; never more than a day, which is all that an event loop's clock is sure to take."""
    return min(args.limit or LIMITS[args.pace], 86400.0)


class Shown:
    """A play as people see it: on a terminal the board while it runs and the report after it, in a pipe the report
    act by act, with --json only the record."""

    def __init__(self, args: argparse.Namespace) -> None:
        from scenarios.boards.terminal import console_for, takes_over

        self._json = args.json
        self._board = takes_over(sys.stdout) and not args.json
        self._title = f"Session Lab - {args.scenario}"
        self._console = console_for(sys.stdout)

    async def through(self, play: Callable[[Sequence["Listener"]], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        """Play, with the board up if there is one. `play` takes the listeners to the feed."""
        if not self._board:
            return await play(())
        from scenarios.boards.live import watch_feed

        events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        board = asyncio.create_task(watch_feed(until_none(events), title=self._title, clock=time.time, leave=False))
        try:
            return await play((events.put_nowait,))
        finally:
            events.put_nowait(None)
            await board

    def act(self, record: dict[str, Any], text: str) -> None:
        """Report an act that has ended."""
        from scenarios.boards.report import act_report

        if not self._json:
            self._print(act_report(record, text))

    def result(self, result: dict[str, Any]) -> int:
        """Report the whole run; the exit code of its verdict."""
        from scenarios.boards.report import summary

        if self._json:
            print(json.dumps(result))
        else:
            self._print(summary(result["acts"], result["verdict"]))
        return 0 if result["verdict"] == "pass" else 1

    def _print(self, report: Any) -> None:
        self._console.file = sys.stdout  # the board keeps what is printed meanwhile for after it
        self._console.print(report)
        sys.stdout.flush()


async def until_none(events: "asyncio.Queue[dict[str, Any] | None]") -> AsyncIterator[dict[str, Any]]:
    while (event := await events.get()) is not None:
        yield event
