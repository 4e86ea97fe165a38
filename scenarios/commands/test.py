"""`lab test`: the checkout's test suite."""

import argparse
import importlib.util
import os
import sys
from pathlib import Path

from scenarios.errors import LabError

EXAMPLES = """\
{lab}                              the fast tests
{lab} --all                        every test
{lab} tests/balancer -k sticky -x  what pytest makes of the rest"""

CHECKOUT = Path(__file__).resolve().parents[2]


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="also the slow ones")
    parser.epilog = f"{parser.epilog}\n\nAnything else is passed on to pytest."


def main(args: argparse.Namespace) -> int:
    if not (CHECKOUT / "tests").is_dir():
        raise LabError("the tests are in the checkout, not in the installed package: run ./lab test there")
    if importlib.util.find_spec("pytest") is None:
        raise LabError("this environment has no pytest: run ./lab test in the checkout, which installs what tests need")
    chosen = [] if args.all else ["-m", "not slow"]
    os.chdir(CHECKOUT)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", "-n", "2", *chosen, *args.rest])
