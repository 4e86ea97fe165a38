"""`lab watch`: the board of a running lab."""

import argparse

from scenarios.commands.arguments import add_name

EXAMPLES = """\
{lab}                 until Ctrl-C
{lab} --name second
{lab} | tee board.log   plain lines in a pipe"""


def arguments(parser: argparse.ArgumentParser) -> None:
    add_name(parser)


def main(args: argparse.Namespace) -> int:
    from scenarios import daemon, orderly
    from scenarios.cluster.attached import AttachedCluster

    async def watch() -> None:
        cluster = await AttachedCluster.attach(args.name)
        await daemon.board(cluster, args.name)

    orderly.run(watch())
    return 0
