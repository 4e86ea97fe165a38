"""`lab replay`: a recorded run on the board again."""

import argparse
import math

from scenarios.commands.arguments import above_zero

EXAMPLES = """\
{lab}                         the last run, as fast as it was
{lab} run.jsonl --speed 10
{lab} run.jsonl --from 1:05 --until 1:30
{lab} run.jsonl --speed inf   only the result

On a terminal: space stops and goes on, . goes on by one event, s by a second, left and right wind,
+ and - change the speed, q ends."""


def moment(text: str) -> float:
    """The type of a time in the run: seconds, m:ss or h:mm:ss."""
    seconds = 0.0
    try:
        for part in text.split(":"):
            seconds = seconds * 60 + float(part)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write seconds, or minutes and seconds as 1:05")
    return seconds


def arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("journal", metavar="JOURNAL", nargs="?", help="what a run recorded (default: the last run)")
    add("--speed", type=above_zero, default=1.0, metavar="X", help="times as fast (default: 1; inf: at once)")
    add("--from", dest="begin", type=moment, default=0.0, metavar="TIME", help="seconds into the run, or 1:05")
    add("--until", type=moment, default=math.inf, metavar="TIME", help="likewise")


def main(args: argparse.Namespace) -> int:
    import asyncio
    import sys
    import time
    from collections.abc import AsyncIterator
    from typing import Any

    from scenarios import orderly
    from scenarios.boards.live import watch_feed
    from scenarios.boards.playback import play
    from scenarios.boards.terminal import console_for, takes_over
    from scenarios.errors import LabError
    from scenarios.folds.fold import Fold
    from scenarios.player import Player
    from scenarios.recording import newest_run
    from scenarios.replay import replay

    if not args.begin < args.until:
        raise LabError(f"--from {args.begin:g} is not before --until {args.until:g}: choose an earlier or a later one")
    path = args.journal or str(newest_run())
    name = f"Session Lab - {path.rpartition('/')[2]}"
    if takes_over(sys.stdout) and not math.isinf(args.speed):
        player = Player(path, speed=args.speed, begin=args.begin, until=args.until)
        orderly.run(play(player, console_for(sys.stdout), name, time.monotonic, sys.stdin.isatty()))
        if player.wrong:
            raise player.wrong
        return 0
    fold = Fold()

    async def show(events: AsyncIterator[dict[str, Any]]) -> Fold:
        return await watch_feed(events, fold=fold, title=name)

    orderly.run(
        replay(path, speed=args.speed, show=show, sleep=asyncio.sleep, fold=fold, begin=args.begin, until=args.until)
    )
    return 0
