"""`lab down`: the orderly end of a lab."""

import argparse

from scenarios.commands.arguments import add_name

EXAMPLES = """\
{lab}
{lab} --name second"""


def arguments(parser: argparse.ArgumentParser) -> None:
    add_name(parser)


def main(args: argparse.Namespace) -> int:
    import asyncio

    from scenarios import runtime

    asyncio.run(runtime.down(args.name))
    print(f"{args.name}: stopped, nothing is left of it")
    return 0
