"""`lab users`: how many virtual users shop in a running lab."""

import argparse

from scenarios.commands.arguments import MOST_USERS, add_name, number

EXAMPLES = """\
{lab} 40
{lab} 0   nobody: only people, or locust, click"""


def arguments(parser: argparse.ArgumentParser) -> None:
    limits = number("number of users", 0, MOST_USERS)
    parser.add_argument("users", type=limits, metavar="K", help=f"how many, 0 to {MOST_USERS}")
    add_name(parser)


def main(args: argparse.Namespace) -> int:
    import asyncio

    from scenarios.cluster.attached import AttachedCluster

    async def change() -> tuple[int, int]:
        cluster = await AttachedCluster.attach(args.name)
        before = (await cluster.ask("about"))["users"]
        return before, (await cluster.ask("users", count=args.users))["users"]

    before, now = asyncio.run(change())
    print(f"{now} users, {before} before")
    return 0
