"""`lab kill`, `pause`, `resume`, `partition`, `reconnect`, `drain`, `undrain` and `restart`: what can be done to one
server of a running lab."""

import argparse

from scenarios.commands.arguments import add_name, not_known
from scenarios.errors import LabError

EXAMPLES = """\
{lab} server-3
{lab} 3 --name second   the number will do; in the lab of that name"""

DONE = {
    "kill": "killed",
    "pause": "paused",
    "resume": "resumed",
    "partition": "cut off; it lives, and no packet reaches it",
    "reconnect": "its network is whole again",
    "drain": "gets no new users",
    "undrain": "gets new users again",
    "restart": "restarted",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("server", metavar="SERVER", help="its name, as `lab status` shows it, or its number")
    add_name(parser)


def main(args: argparse.Namespace) -> int:
    print(f"{act(args)}: {DONE[args.command]}")
    return 0


def act(args: argparse.Namespace, **more: float) -> str:
    """Do the command to the server, whose full name is the answer; `more`: what the cluster is told besides."""
    import asyncio

    from scenarios.cluster.attached import AttachedCluster

    async def act() -> str:
        cluster = await AttachedCluster.attach(args.name)
        server = f"server-{args.server}" if args.server.isdecimal() else args.server
        if server not in cluster.names():
            raise LabError(not_known("server", args.server, cluster.names()))
        await getattr(cluster, args.command)(server, **more)
        return server

    return asyncio.run(act())
