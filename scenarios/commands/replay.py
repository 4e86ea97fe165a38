"""`lab replay`: a recorded run on the board again."""

import argparse

from scenarios.commands.arguments import above_zero

EXAMPLES = """\
{lab} run.jsonl               as fast as it was
{lab} run.jsonl --speed 10
{lab} run.jsonl --speed inf   only the result"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("journal", metavar="JOURNAL", help="what `lab run --journal FILE` wrote")
    parser.add_argument(
        "--speed", type=above_zero, default=1.0, metavar="X", help="times as fast (default: 1; inf: at once)"
    )


def main(args: argparse.Namespace) -> int:
    import asyncio
    from collections.abc import AsyncIterator
    from typing import Any

    from scenarios import orderly
    from scenarios.boards.live import watch_feed
    from scenarios.folds.fold import Fold
    from scenarios.replay import replay

    async def show(events: AsyncIterator[dict[str, Any]]) -> Fold:
        return await watch_feed(events, title=f"Session Lab - {args.journal}")

    orderly.run(replay(args.journal, speed=args.speed, show=show, sleep=asyncio.sleep))
    return 0
