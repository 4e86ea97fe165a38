"""`lab run`: a scenario on a cluster that lives for this run only."""

import argparse

from scenarios.commands import playing
from scenarios.commands.arguments import add_balancer, add_cluster, add_on_unknown

EXAMPLES = """\
{lab} keeps-logging-out                 the whole incident, about 15 seconds
{lab} keeps-logging-out --pace watch    slower, with a board to watch and pauses to read (Enter goes on)
{lab} five-servers --json               the record of the run instead of the report
{lab} keeps-logging-out --cluster docker  every server in a container of its own
{lab} my-scenario.py --seed 7 --journal run.jsonl

The newest runs are kept: `lab report` makes a page of the last one, `lab replay` shows it again."""


def arguments(parser: argparse.ArgumentParser) -> None:
    playing.arguments(parser)
    add_on_unknown(parser)
    add_cluster(parser)
    add_balancer(parser)


def main(args: argparse.Namespace) -> int:
    from scenarios import orderly, run, script
    from scenarios.cluster import CLUSTERS
    from scenarios.commands.shown import Shown

    play = script.load(args.scenario)
    settings = playing.settings(args, play, args.on_unknown)
    shown = Shown(args)

    async def work() -> int:
        await CLUSTERS[args.cluster].prepare()
        with playing.journal(args, settings) as journal:
            result = await shown.through(
                lambda listeners: run.run(
                    args.scenario,
                    play,
                    settings,
                    limit=playing.limit(args),
                    journal=journal,
                    listeners=listeners,
                    show=shown.act,
                    kind=args.cluster,
                    balancer=args.balancer,
                )
            )
        return shown.result(result, journal)

    return orderly.run(work())
