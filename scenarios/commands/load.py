"""`lab load`: locust's users on a lab, or on any address."""

import argparse
from pathlib import Path

from scenarios.commands.arguments import (
    MOST_SERVERS,
    above_zero,
    add_cluster,
    add_name,
    add_on_unknown,
    add_policy,
    add_store,
    number,
    one_of,
    seconds,
    servers,
)
from scenarios.errors import LabError
from scenarios.shapes import SHAPES

EXAMPLES = """\
{lab}                                          30 s on the running lab, or on one of its own
{lab} --servers 4 --store memory               on a lab of its own: about 75 % logged out
{lab} --cluster docker                         the same, every server in a container of its own
{lab} --max-logout-rate 0.01 --max-p95 200     for CI: exit code 1 when a bound is broken
{lab} --web                                    watch it in locust's web UI, until Ctrl-C
{lab} --shape startup --run-time 120           from 1 server to 10 while users come
{lab} --users 2000 --workers 2                 master and workers, for more than one core
{lab} --host https://shop.example              somebody else's shop"""

MOST_USERS = 100_000
WEB_PORT = 8089
OWN_SERVERS = 4
RUN_TIME = 30.0
RUN_TIME_OF_A_SHAPE = 120.0


def arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--users", type=number("number of users", 1, MOST_USERS), default=100, metavar="K", help="default: 100")
    add("--spawn-rate", type=above_zero, metavar="R", help="users that come a second (default: all within 2 s)")
    add("--run-time", type=seconds, metavar="SECONDS", help=f"default: {RUN_TIME:.0f}; with --web until Ctrl-C")
    add("--think", type=above_zero, default=1.0, metavar="SECONDS", help="mean pause between clicks (default: 1)")
    add("--seed", type=int, default=1, help="of everything random in the users (default: 1)")
    add(
        "--shape",
        type=one_of("shape", SHAPES),
        choices=tuple(SHAPES),
        metavar="NAME",
        help="; ".join(f"{name}: {shape.summary}" for name, shape in SHAPES.items()),
    )
    workers = number("number of workers", 1, 64)
    add("--workers", type=workers, default=0, metavar="N", help="locust's worker processes (default: one does all)")
    add("--web", action="store_true", help="with locust's web UI")
    port = number("port", 1, 65535)
    add("--web-port", type=port, default=WEB_PORT, metavar="PORT", help=f"of the web UI (default: {WEB_PORT})")
    add("--html", type=Path, metavar="FILE", help="write locust's report")
    add("--csv", type=Path, metavar="PREFIX", help="write locust's statistics as PREFIX_stats.csv and others")
    add("--max-logout-rate", type=share, metavar="R", help="exit with 1 above it; 0.01 is 1 %%")
    add("--max-p95", type=above_zero, metavar="MS", help="exit with 1 when 5 %% of the answers take longer")
    add("--host", metavar="URL", help="an address instead of a lab")
    add(
        "--servers",
        type=servers,
        metavar="N",
        help=f"a lab of its own with so many, 1 to {MOST_SERVERS} (default: {OWN_SERVERS}, when no lab runs)",
    )
    add_store(parser)
    add_policy(parser)
    add_on_unknown(parser)
    parser.set_defaults(on_unknown=None)
    add_cluster(parser, default=None)
    add_name(parser)


def share(text: str) -> float:
    """The type of a share, 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share; choose 0 to 1")
    return value


def main(args: argparse.Namespace) -> int:
    from scenarios import orderly
    from scenarios.swarm.run import run
    from scenarios.swarm.wanted import Bounds, Load, Where

    asked = {name: getattr(args, name) for name in ("servers", "store", "policy", "on_unknown", "cluster")}
    own = {name: value for name, value in asked.items() if value is not None}
    alone = bool(own)
    if args.host is not None and alone:
        raise LabError("--host is an address as it is: say no --servers, --store, --policy, --on-unknown or --cluster")
    run_time = args.run_time
    if run_time is None and (args.shape or not args.web):
        run_time = RUN_TIME_OF_A_SHAPE if args.shape else RUN_TIME
    load = Load(
        users=args.users,
        spawn_rate=args.spawn_rate or max(1.0, args.users / 2),
        run_time=run_time,
        think=args.think,
        seed=args.seed,
        workers=args.workers,
        shape=args.shape,
        web_port=args.web_port if args.web else None,
        html=args.html,
        csv=args.csv,
    )
    bounds = Bounds(args.max_logout_rate, args.max_p95)
    cluster = own.pop("cluster", "processes")
    where = Where(args.host, args.name, cluster, own={"servers": OWN_SERVERS, **own}, alone=alone)
    return orderly.run(run(load, bounds, where, say))


def say(text: str) -> None:
    print(text, flush=True)
