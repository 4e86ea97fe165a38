"""`lab compare-balancers`: the same users and the same troubles behind our balancer, nginx, HAProxy and Traefik."""

import argparse
import json
import sys

from scenarios.commands.arguments import MOST_USERS, add_cluster, add_servers, number, several
from scenarios.errors import LabError

EXAMPLES = """\
{lab}                                all that are installed, ten servers each
{lab} --behind ours,nginx            these two
{lab} --servers 4 --json             the rows, for programs
{lab} --cluster docker               each in a container, from its own image

A trial takes about half a minute a balancer. Exit code 1: a rate disagrees with theory."""


def arguments(parser: argparse.ArgumentParser) -> None:
    from scenarios.cluster.balancers import BALANCERS

    parser.add_argument(
        "--behind",
        type=several("balancer", BALANCERS),
        metavar="NAME,...",
        help=f"of {', '.join(BALANCERS)} (default: those that are installed)",
    )
    add_servers(parser, 10)
    add = parser.add_argument
    add(
        "--users", type=number("number of users", 4, MOST_USERS), default=40, metavar="K", help="how many (default: 40)"
    )
    add(
        "--requests",
        type=number("number of requests", 100, 100_000),
        default=4000,
        metavar="R",
        help="in the steps that measure a rate (default: 4000)",
    )
    add("--seed", type=int, default=1, help="of everything random in the users (default: 1)")
    add("--json", action="store_true", help="print the rows as JSON, and nothing else")
    add_cluster(parser)


def main(args: argparse.Namespace) -> int:
    from scenarios import orderly
    from scenarios.boards.terminal import console_for
    from scenarios.trial.play import Wanted, trials
    from scenarios.trial.told import report

    if not 2 <= args.servers <= args.users // 2:
        raise LabError(
            f"{args.servers} servers and {args.users} users: it needs two servers or more, and twice as many users, "
            "or strict round robin falls into step with them; change --servers or --users"
        )
    behind = args.behind or installed(args.cluster)
    wanted = Wanted(behind, args.servers, args.users, args.requests, args.seed, args.cluster)

    async def work() -> list[dict[str, object]]:
        rows = []
        async for row in trials(wanted):
            rows.append(row)
            print(f"lab: {row['behind']}: {row['step']}, {row['requests']:,} requests", file=sys.stderr, flush=True)
        return rows

    rows = orderly.run(work())
    if args.json:
        print(json.dumps(rows, indent=1))
    else:
        console_for(sys.stdout).print(report(rows))
    return 0 if all(row["agrees"] for row in rows) else 1


def installed(cluster: str) -> tuple[str, ...]:
    """In containers: all, their images come from where images come from."""
    from scenarios.cluster.balancers import BALANCERS
    from scenarios.cluster.programs import find_program

    there = [name for name in BALANCERS if name == "ours" or cluster != "processes" or find_program(name)]
    for name in BALANCERS:
        if name not in there:
            print(f"lab: {name} is not installed: left out", file=sys.stderr)
    return tuple(there)
