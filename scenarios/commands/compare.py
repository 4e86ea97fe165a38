"""`lab compare`: what changed between two recorded runs."""

import argparse
from pathlib import Path

EXAMPLES = """\
{lab} before.jsonl after.jsonl   two journals: rates, latency, verdicts, act by act
{lab} grid-1 grid-2              two folders of `lab sweep`, cell by cell"""


def arguments(parser: argparse.ArgumentParser) -> None:
    for name in ("A", "B"):
        parser.add_argument(name.lower(), type=Path, metavar=name, help="a journal, or a folder of lab sweep")


def main(args: argparse.Namespace) -> int:
    import sys

    from scenarios.boards.terminal import console_for
    from scenarios.compare.runs import read
    from scenarios.compare.told import report
    from scenarios.errors import LabError

    first, second = read(args.a), read(args.b)
    if not first.acts.keys() & second.acts.keys():
        raise LabError(f"{args.a} and {args.b} have no act in common: compare runs of the same scenario")
    console_for(sys.stdout).print(report(first, second), crop=False)  # file names are told whole
    return 0
