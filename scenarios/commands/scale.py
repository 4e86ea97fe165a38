"""`lab scale`: more or fewer servers in a running lab."""

import argparse

from scenarios.commands.arguments import MOST_SERVERS, add_name, servers

EXAMPLES = """\
{lab} 10   new servers get users once they answer
{lab} 3    the last ones finish what they are doing and go; what only they knew goes with them"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("servers", type=servers, metavar="N", help=f"how many, 1 to {MOST_SERVERS}")
    add_name(parser)


def main(args: argparse.Namespace) -> int:
    import asyncio

    from scenarios.cluster.attached import AttachedCluster

    async def scale() -> list[str]:
        cluster = await AttachedCluster.attach(args.name)
        await cluster.scale(args.servers)
        return cluster.names()

    names = asyncio.run(scale())
    print(f"{len(names)} servers: {', '.join(names)}")
    return 0
