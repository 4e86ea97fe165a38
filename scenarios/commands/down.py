"""`lab down`: the orderly end of a lab."""

import argparse
from contextlib import suppress

from scenarios.commands.arguments import add_cluster, add_name
from scenarios.errors import LabError

EXAMPLES = """\
{lab}
{lab} --name second
{lab} --cluster docker   also removes the containers of a lab that was killed"""


def arguments(parser: argparse.ArgumentParser) -> None:
    add_name(parser)
    add_cluster(parser)


def main(args: argparse.Namespace) -> int:
    import asyncio

    from scenarios import runtime

    if args.cluster == "docker":
        from scenarios.cluster.containers import engine, remove

        with suppress(LabError):  # none runs: what it left behind is what is asked for
            asyncio.run(runtime.down(args.name))
        remove(engine(), str(runtime.base_folder() / args.name))
    else:
        asyncio.run(runtime.down(args.name))
    print(f"{args.name}: stopped, nothing is left of it")
    return 0
