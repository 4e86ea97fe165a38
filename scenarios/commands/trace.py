"""`lab trace`: real messages as a sequence diagram."""

import argparse
from pathlib import Path

from scenarios.commands.arguments import (
    MOST_SERVERS,
    add_cluster,
    add_name,
    add_policy,
    add_store,
    member,
    not_known,
    number,
    servers,
)
from scenarios.errors import LabError

EXAMPLES = """\
{lab} login                                   the eight steps of a login
{lab} five-servers                            "who are you?": the question of the story
{lab} five-servers --policy sticky_cookie     the same clicks, brought back to the server that knows
{lab} checkout --svg checkout.svg             as a picture, too
{lab} --user ravi                             what that user does on a running lab, until Ctrl-C"""


def arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("scene", nargs="?", metavar="SCENE", help="login, five-servers or checkout, on a cluster of its own")
    add("--user", type=member, metavar="NAME", help="follow this user on a running lab instead")
    add("--clicks", type=number("number of clicks", 1, 10_000), metavar="N", help="end after so many (with --user)")
    add("--svg", type=Path, metavar="FILE", help="also write a picture")
    add("--servers", type=servers, metavar="N", help=f"other than the scene's own, 1 to {MOST_SERVERS}")
    add_store(parser)
    add_policy(parser)
    add_cluster(parser, default=None)
    add_name(parser)


def main(args: argparse.Namespace) -> int:
    from scenarios import orderly
    from scenarios.trace import shown
    from scenarios.trace.scenes import SCENES

    if bool(args.scene) == bool(args.user):
        raise LabError(f"say which messages: {', '.join(SCENES)}, or --user NAME on a running lab")
    if args.user:
        if args.servers or args.store or args.policy or args.cluster:
            raise LabError("--user follows a lab as it is: change it with lab switch and lab scale")
        orderly.run(shown.follow(args.name, args.user, args.clicks, args.svg))
        return 0
    if args.scene not in SCENES:
        raise LabError(not_known("scene", args.scene, SCENES))
    if args.clicks:
        raise LabError("--clicks goes with --user: a scene has its own clicks")
    scene = SCENES[args.scene].but(args.servers, args.store, args.policy)
    orderly.run(shown.play(args.scene, scene, args.svg, args.cluster or "processes"))
    return 0
