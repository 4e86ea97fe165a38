"""`lab logbooks`: what every server and store of a running lab has written down."""

import argparse
from typing import TYPE_CHECKING, Any

from scenarios.commands.arguments import add_name, number

if TYPE_CHECKING:
    from scenarios.cluster.attached import AttachedCluster

EXAMPLES = """\
{lab}                     each server's own, or the one that all of them read
{lab} --follow            again each second, until Ctrl-C
{lab} --json | jq '.logbooks[].sessions'"""

EACH = 1.0
"""Seconds between two looks."""


def arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--follow", action="store_true", help="go on looking; in a pipe only what has changed is written")
    add(
        "--limit",
        type=number("number of entries", 1, 1000),
        default=20,
        metavar="N",
        help="entries of each, the last seen first (default: 20)",
    )
    add("--json", action="store_true", help="for programs")
    add_name(parser)


def main(args: argparse.Namespace) -> int:
    import json
    import sys

    from scenarios import orderly
    from scenarios.boards.terminal import takes_over
    from scenarios.cluster.attached import AttachedCluster

    async def work() -> None:
        cluster = await AttachedCluster.attach(args.name)
        if args.follow and takes_over(sys.stdout) and not args.json:
            await on_terminal(cluster, args.limit)
        elif args.follow:
            await in_lines(cluster, args.limit, args.json)
        else:
            found = await cluster.logbooks(args.limit)
            print(json.dumps(found) if args.json else text(found["logbooks"]))

    orderly.run(work())
    return 0


def text(books: list[dict[str, Any]]) -> str:
    """As wide as the terminal, or as 80 columns in a pipe."""
    import sys

    from scenarios.boards.lines import Frame, glyphs_for
    from scenarios.boards.panels.logbooks import height_for, logbooks
    from scenarios.boards.terminal import console_for

    width = console_for(sys.stdout).width
    lines = logbooks(books, width, height_for(books, width), glyphs_for(sys.stdout.encoding))
    shown = Frame(lines, width).text().rstrip()
    if any((book["sessions"] or 0) > len(book["entries"]) for book in books):
        shown += "\n\nOf each the entries seen last; --limit N shows more."
    return shown


async def in_lines(cluster: "AttachedCluster", limit: int, as_json: bool) -> None:
    """Write the logbooks whenever somebody is written in, found again or gone."""
    import asyncio
    import json
    import time

    last: object = None
    while True:
        found = await cluster.logbooks(limit)
        written = [(book["name"], book["trouble"], entry_names(book)) for book in found["logbooks"]]
        if written != last:
            last = written
            print(
                json.dumps(found) if as_json else f"{time.strftime('%H:%M:%S')}\n{text(found['logbooks'])}\n",
                flush=True,
            )
        await asyncio.sleep(EACH)


def entry_names(book: dict[str, Any]) -> set[tuple[str, str]]:
    return {(entry["id"], entry["user"]) for entry in book["entries"]}


async def on_terminal(cluster: "AttachedCluster", limit: int) -> None:
    """The whole screen, drawn anew each second."""
    import asyncio
    import sys

    from scenarios.boards.lines import Frame, glyphs_for, stack
    from scenarios.boards.painter import Painter
    from scenarios.boards.panels.logbooks import logbooks
    from scenarios.boards.terminal import console_for, screen

    console = console_for(sys.stdout)
    glyphs = glyphs_for(console.encoding)
    books: list[dict[str, Any]] = (await cluster.logbooks(limit))["logbooks"]

    def draw(width: int, height: int) -> Frame:
        return Frame(stack(logbooks(books, width, height, glyphs), width, height), width)

    painter = Painter(console, draw)
    with screen(painter):
        while True:
            books = (await cluster.logbooks(limit))["logbooks"]
            painter.refresh()
            await asyncio.sleep(EACH)
