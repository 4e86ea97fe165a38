"""`lab slow`: the network between the balancer and a server gets slow."""

import argparse

from scenarios.commands import one_server
from scenarios.commands.arguments import number, seconds

EXAMPLES = """\
{lab} server-3 --delay 200ms
{lab} 3 --delay 200ms --jitter 50ms    each round trip takes 150 to 250 ms longer
{lab} 3 --delay 20ms --rate 100        and no more than 100 kB a second get through

A request over an open connection is one round trip; the first one over a new connection is two.
lab reconnect makes it as fast as it was."""

MOST_RATE = 1_000_000  # kB/s


def arguments(parser: argparse.ArgumentParser) -> None:
    one_server.arguments(parser)
    add = parser.add_argument
    add("--delay", type=seconds, required=True, metavar="TIME", help="what a round trip takes longer, 1ms to 60s")
    add("--jitter", type=seconds, default=0.0, metavar="TIME", help="give or take so much (default: nothing)")
    add(
        "--rate", type=number("number of kB a second", 1, MOST_RATE), default=0, metavar="KB",
        help="so many kB a second each way, at most (default: any number)",
    )  # fmt: skip


def main(args: argparse.Namespace) -> int:
    from scenarios.cluster.lag import Lag

    lag = Lag(args.delay, args.jitter, args.rate * 1000)
    lag.check()
    server = one_server.act(args, delay=lag.delay, jitter=lag.jitter, rate=lag.rate)
    print(f"{server}: slow, {lag}")
    return 0
