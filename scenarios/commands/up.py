"""`lab up`: a lab that runs until it is stopped."""

import argparse

from scenarios.commands.arguments import (
    MOST_USERS,
    PROGRAM,
    add_balancer,
    add_board,
    add_cluster,
    add_name,
    add_on_unknown,
    add_policy,
    add_servers,
    add_store,
    number,
)
from scenarios.errors import LabError

EXAMPLES = """\
{lab} --servers 10 --users 40                  ten servers, each with its own logbook: watch users being logged out
{lab} --servers 10 --store redis --detach      in the background; prints the shop's address
{lab} --servers 4 --users 20 --admin 9100      with metrics for Prometheus and compose/grafana/logouts.json
{lab} --name second --policy sticky_cookie     beside another lab"""


def arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_servers(parser, 1)
    add_store(parser, "memory")
    add_policy(parser, "round_robin")
    add_on_unknown(parser)
    add_cluster(parser)
    add_balancer(parser)
    add(
        "--users",
        type=number("number of users", 0, MOST_USERS),
        default=0,
        metavar="K",
        help="virtual users who shop (default: 0)",
    )
    add("--seed", type=int, default=1, help="of everything random in the users (default: 1)")
    add("--port", type=number("port", 0, 65535), default=0, help="of the shop (default: any free one)")
    add(
        "--admin",
        type=number("port", 0, 65535),
        metavar="PORT",
        help="serve the balancer's /metrics (Prometheus) and /state there; 0: any free one (default: nowhere)",
    )
    add("--detach", action="store_true", help="go on in the background")
    add_board(parser)
    add_name(parser)


def main(args: argparse.Namespace) -> int:
    from scenarios import daemon, orderly, runtime
    from scenarios.boards.choice import board_for

    if args.detach and args.board:
        raise LabError("--detach shows no board: look at the lab with lab watch, or leave --detach out")
    shown = board_for(args.board)
    lab = daemon.Wanted(
        name=args.name,
        servers=args.servers,
        store=args.store,
        policy=args.policy,
        on_unknown=args.on_unknown,
        users=args.users,
        seed=args.seed,
        port=args.port,
        cluster=args.cluster,
        balancer=args.balancer,
        admin=args.admin,
    )
    if args.detach:
        ready = runtime.detach(lambda say_ready: orderly.run(daemon.serve(lab, say_ready)))
        print(opened(ready), hints(args.name, args.store), sep="\n")
    else:
        orderly.run(daemon.serve_with_board(lab, lambda ready: print(opened(ready), flush=True), shown))
    return 0


def opened(ready: dict[str, str | None]) -> str:
    shop = f"The shop is open: {ready['url']}   (log in as ravi, password wristband-ravi)"
    return f"{shop}\nMetrics for Prometheus: {ready['metrics']}" if ready["metrics"] else shop


def hints(name: str, store: str) -> str:
    named = "" if name == "lab" else f" --name {name}"
    nexts = {
        f"status{named}": "who served what, and the logout rate",
        **({f"switch --store redis --migrate{named}": "one logbook for all servers"} if store == "memory" else {}),
        f"watch{named}": "the board",
        f"down{named}": "stop it",
    }
    width = max(map(len, nexts))
    return "\n".join(["What next:", *(f"  {PROGRAM} {words:{width}}   {what}" for words, what in nexts.items())])
