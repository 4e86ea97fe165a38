"""`lab play`: a scenario on a lab that is running already."""

import argparse

from scenarios.commands import playing
from scenarios.commands.arguments import add_name

EXAMPLES = """\
{lab} keeps-logging-out            on the lab that `lab up` started
{lab} five-servers --name second   on the lab of that name

The lab is brought to what the scenario's START says (servers, store, policy); what it leaves open stays as it is.
The lab's own users (lab up --users) rest meanwhile; so should people, whose clicks would be counted too.
Afterwards the lab is left as the scenario left it."""


def arguments(parser: argparse.ArgumentParser) -> None:
    playing.arguments(parser)
    add_name(parser)


def main(args: argparse.Namespace) -> int:
    from scenarios import orderly, run, script
    from scenarios.cluster.attached import AttachedCluster
    from scenarios.commands.shown import Shown

    play = script.load(args.scenario)
    shown = Shown(args)

    async def work() -> int:
        cluster = await AttachedCluster.attach(args.name)
        about = await cluster.ask("about")
        settings = playing.settings(args, play, about["on_unknown"])
        async with cluster.stage(args.scenario):
            with playing.journal(args, settings) as journal:
                result = await shown.through(
                    lambda listeners: run.on_cluster(
                        args.scenario, play, cluster, settings, playing.limit(args), journal, listeners, shown.act
                    )
                )
        return shown.result(result, journal)

    return orderly.run(work())
