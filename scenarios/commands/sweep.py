"""`lab sweep`: a grid of short runs, each beside the law for it."""

import argparse
from pathlib import Path

from scenarios.commands.arguments import MOST_SERVERS, MOST_USERS, add_cluster, number, several

EXAMPLES = """\
{lab} --servers 1..10                                     one logbook for each server: how the rate grows
{lab} --store memory,redis --policy random,sticky_cookie -o grid
{lab} --servers 2,5 --on-unknown keep,clear,replace
{lab} --servers 2,4 --cluster docker                      every server in a container of its own

The folder (-o) keeps every finished cell: stop with Ctrl-C, and the same command goes on from there."""


def arguments(parser: argparse.ArgumentParser) -> None:
    from balancer.policies import POLICIES
    from servers.config import ON_UNKNOWN
    from servers.stores import STORES

    add = parser.add_argument
    add(
        "--servers",
        type=counts,
        default="1..5",
        metavar="N..M",
        help="how many, such as 1..10 or 1,2,5 (default: 1..5)",
    )
    add("--store", type=several("store", STORES), default="memory", metavar="STORE,...", help="default: memory")
    add(
        "--policy",
        type=several("policy", POLICIES),
        default="round_robin",
        metavar="POLICY,...",
        help="default: round_robin",
    )
    add("--on-unknown", type=several("way", ON_UNKNOWN), default="keep", metavar="WAY,...", help="default: keep")
    add(
        "--requests",
        type=number("number of requests", 50, 100_000),
        default=500,
        metavar="R",
        help="in each cell (default: 500)",
    )
    add("--users", type=number("number of users", 1, MOST_USERS), default=MOST_USERS, metavar="K", help="how many")
    add("--seed", type=int, default=1, help="of everything random in the users (default: 1)")
    add_cluster(parser)
    add("-o", "--output", type=Path, default=Path("sweep"), metavar="FOLDER", help="default: sweep")


def main(args: argparse.Namespace) -> int:
    from scenarios import orderly
    from scenarios.sweep import shown
    from scenarios.sweep.grid import Grid

    settings = (args.servers, args.store, args.policy, args.on_unknown)
    grid = Grid(*settings, args.requests, args.users, args.seed, args.cluster)
    return orderly.run(shown.through(grid, args.output))


def counts(text: str) -> tuple[int, ...]:
    """The type of `1..10`, `1,2,5`."""
    from scenarios.sweep.grid import numbers

    try:
        return numbers(text, MOST_SERVERS)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of servers; write 1..10 or 1,2,5, each from 1 to {MOST_SERVERS}"
        ) from None
