"""How a play is shown, and what its verdict is to the shell."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from scenarios.boards.live import watch_feed
from scenarios.boards.report import act_report, summary
from scenarios.boards.terminal import console_for, takes_over
from scenarios.errors import LabError
from scenarios.folds.fold import Fold
from scenarios.recording import Journal
from scenarios.run import Listener
from scenarios.stage import CUT_OFF


class Shown:
    """A play as people see it: on a terminal the board while it runs and the report after it, in a pipe the report
    act by act, with --json only the record."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._json = args.json
        self._cut_off = ""
        self._gone: BrokenPipeError | None = None
        # Step by step, people read each act's report before they go on; a board would hide it until the end.
        self._board = takes_over(sys.stdout) and not args.json and args.pace != "step"
        self._prompts = args.pace == "step" and sys.stdin.isatty()
        self._title = f"Session Lab - {args.scenario}" + (" - Enter skips a pause" if args.pace == "watch" else "")
        self._console = console_for(sys.stdout)
        # A fast play is over in a quarter of a minute: its chart needs finer steps.
        self._fold = Fold(bucket=0.25 if args.pace == "fast" else 1.0)

    async def through(self, play: Callable[[Sequence[Listener]], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        """Play, with the board up if there is one. `play` takes the listeners to the feed. What was cut off is said."""
        try:
            return await self._through(play)
        except LabError:
            if self._gone:
                raise self._gone from None
            raise
        finally:
            if self._cut_off:
                print(f"lab: {self._cut_off}", file=sys.stderr)

    async def _through(self, play: Callable[[Sequence[Listener]], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        if not self._board:
            return await play(())
        events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        board = asyncio.create_task(
            watch_feed(until_none(events), fold=self._fold, title=self._title, clock=time.time, leave=False)
        )
        try:
            return await play((events.put_nowait,))
        finally:
            events.put_nowait(None)
            await board

    def act(self, record: dict[str, Any], text: str) -> None:
        """Report an act that has ended, or was cut off."""
        if record["verdict"] == CUT_OFF:
            self._cut_off = f"act {record['name']} was cut off: it has no verdict, nor has the run"
            return
        if not self._json:
            self._print(act_report(record, text))
        if self._prompts:
            print("Enter goes on.", file=sys.stderr)

    def result(self, result: dict[str, Any], journal: Journal | None) -> int:
        """Report the whole run, and where its record is; the exit code of its verdict."""
        if self._json:
            print(json.dumps(result))
        else:
            self._print(summary(result["acts"], result["verdict"]))
            if journal and journal.whole:
                # On one line whatever the width, so that the path can be taken from it.
                self._console.print(f"  Recorded: {journal.place}", style="dim", markup=False, soft_wrap=True)
        return 0 if result["verdict"] == "pass" else 1

    def _print(self, report: Any) -> None:
        self._console.file = sys.stdout  # the board keeps what is printed meanwhile for after it
        try:
            self._console.print(report)
            sys.stdout.flush()
        except BrokenPipeError as error:
            self._gone = error
            raise LabError("nobody reads the report any more") from None  # an OSError would be called the play's own
        except OSError as error:
            raise LabError(f"the report cannot be written ({error.strerror}): send it elsewhere") from None


async def until_none(events: asyncio.Queue[dict[str, Any] | None]) -> AsyncIterator[dict[str, Any]]:
    while (event := await events.get()) is not None:
        yield event
