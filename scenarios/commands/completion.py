"""`lab completion`: what a shell needs in order to complete commands, options and names."""

import argparse
import os

from scenarios.commands.arguments import one_of

EXAMPLES = """\
eval "$({lab})"                 for this shell; put it into ~/.bashrc or ~/.zshrc for all
{lab} fish | source             in fish"""

SHELLS = ("bash", "zsh", "fish")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "shell",
        nargs="?",
        type=one_of("shell", SHELLS),
        choices=SHELLS,
        help="default: the one $SHELL names, else bash",
    )


def main(args: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    named = os.path.basename(os.environ.get("SHELL", ""))
    shell = args.shell or (named if named in SHELLS else "bash")
    print(shellcode(["lab"], shell=shell))
    return 0
