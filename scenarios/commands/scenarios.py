"""`lab scenarios`: what there is to play."""

import argparse
import importlib

EXAMPLES = "{lab}   names for `lab run NAME`"


def arguments(parser: argparse.ArgumentParser) -> None:
    pass


def main(args: argparse.Namespace) -> int:
    import textwrap

    from scenarios.commands.help import columns
    from scenarios.plays import SCENARIOS

    width = max(map(len, SCENARIOS)) + 2
    for name, module in SCENARIOS.items():
        text = (importlib.import_module(module).__doc__ or "").strip().split("\n")[0]
        print(textwrap.fill(f"{name:{width}}{text}", columns(), subsequent_indent=" " * width))
    return 0
