"""`lab down`: the orderly end of a lab."""

import argparse

from scenarios.commands.arguments import add_cluster, add_name
from scenarios.errors import LabError

EXAMPLES = """\
{lab}
{lab} --name second
{lab} --cluster docker   also removes the containers of labs that were killed, and forgotten by this machine"""


def arguments(parser: argparse.ArgumentParser) -> None:
    add_name(parser)
    add_cluster(parser)


def main(args: argparse.Namespace) -> int:
    import asyncio

    from scenarios import runtime
    from scenarios.cluster.containers.inside import WORDS

    contained = args.cluster == "docker" or (runtime.base_folder() / args.name / WORDS).exists()
    try:
        asyncio.run(runtime.down(args.name))
    except LabError:  # none runs, but containers of a killed one may
        if not contained or args.name not in clear_containers():
            raise
    else:
        if contained:
            clear_containers()
    print(f"{args.name}: stopped, nothing is left of it")
    return 0


def clear_containers() -> set[str]:
    """Remove what killed labs left on the engine; their names. Raises LabError."""
    from scenarios import runtime
    from scenarios.cluster.containers.engine import engine, remove_killed

    return remove_killed(engine(), runtime.base_folder())
