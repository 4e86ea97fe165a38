"""`lab watch`: the board of a running lab."""

import argparse

from scenarios.commands.arguments import add_board, add_name, member

EXAMPLES = """\
{lab}                 until q or Ctrl-C; ? shows the keys
{lab} --user ravi     and where ravi's clicks go
{lab} --board rich    without keys, on a small or plain terminal
{lab} | tee board.log   plain lines in a pipe"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--user", type=member, metavar="NAME", help="follow this user, click by click")
    add_board(parser)
    add_name(parser)


def main(args: argparse.Namespace) -> int:
    from scenarios import daemon, orderly
    from scenarios.boards.choice import board_for
    from scenarios.cluster.attached import AttachedCluster

    shown = board_for(args.board)

    async def watch() -> None:
        cluster = await AttachedCluster.attach(args.name)
        await daemon.board(cluster, args.name, shown, user=args.user)

    orderly.run(watch())
    return 0
