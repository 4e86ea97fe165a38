"""`lab`: the command line. Each command is a module of its own, imported only when it is asked for."""

import argparse
import errno
import importlib
import os
import sys
import textwrap
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple, NoReturn

from scenarios import __version__
from scenarios.commands.arguments import PROGRAM, not_known
from scenarios.commands.help import as_typed, columns, laid_out
from scenarios.errors import LabError


class Command(NamedTuple):
    """A command's module has EXAMPLES, `arguments(parser)`, and `main(args)` that returns the exit code."""

    module: str
    summary: str


COMMANDS = {
    "run": Command("run", "play a scenario on its own cluster, and give the verdict"),
    "scenarios": Command("scenarios", "list the scenarios in the box"),
    "replay": Command("replay", "show a recorded run again"),
    "report": Command("report", "make a page of a recorded run, with plots"),
    "compare": Command("compare", "say what changed between two recorded runs"),
    "compare-balancers": Command("compare_balancers", "the same troubles behind ours, nginx, HAProxy and Traefik"),
    "sweep": Command("sweep", "play a grid of settings, each beside theory"),
    "up": Command("up", "start a lab and keep it running"),
    "status": Command("status", "who served what, and the logout rate"),
    "watch": Command("watch", "show a running lab's board"),
    "logbooks": Command("logbooks", "what every server and store has written down, side by side"),
    "trace": Command("trace", "draw real messages as a sequence diagram"),
    "switch": Command("switch", "change the store or the policy while traffic flows"),
    "scale": Command("scale", "have more or fewer servers"),
    "users": Command("users", "have more or fewer virtual users"),
    "kill": Command("one_server", "end a server without warning"),
    "pause": Command("one_server", "freeze a server: its connections stay, nothing answers"),
    "resume": Command("one_server", "let a paused server go on"),
    "partition": Command("one_server", "cut a server off: it lives, and no packet reaches it"),
    "slow": Command("slow", "make a server's network slow"),
    "reconnect": Command("one_server", "undo partition and slow"),
    "drain": Command("one_server", "give a server no new users; what runs goes on"),
    "undrain": Command("one_server", "give it new users again"),
    "restart": Command("one_server", "give a server a new process"),
    "play": Command("play", "play a scenario on a running lab"),
    "load": Command("load", "many users with locust on a lab or an address; CI bounds"),
    "down": Command("down", "stop a lab"),
    "test": Command("test", "run the test suite (in a checkout)"),
    "completion": Command("completion", "print what makes the shell complete lab's commands"),
}

ABOUT = 'A real load-balanced cluster on this machine that reproduces "I keep getting logged out!"'

TOP_HELP = """commands:
{commands}

examples:
{examples}"""

TOP_EXAMPLES = """\
{lab} run keeps-logging-out        the whole incident, with a verdict
{lab} up --servers 10 --users 40   ten servers, forty users, a board
{lab} COMMAND --help               a command's options, with examples"""

PIPE_CLOSED = 128 + 13  # as if SIGPIPE had ended us


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, in the words of all the lab's errors."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"lab: {as_typed(message, COMMANDS)} (see {self.prog} --help)\n")

    def error_unknown(self, word: str) -> NoReturn:
        options = [option for action in self._actions for option in action.option_strings if option.startswith("--")]
        self.error(not_known("option", word, options) if word.startswith("-") else f"{word!r} is one word too many")


class Help(argparse.RawDescriptionHelpFormatter):
    """Keeps our line breaks, has room for our longest names, and says what is typed to start us."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help and as_typed(action.help, COMMANDS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Errors a person can mend are one line."""
    try:
        code = run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except LabError as error:
        print(f"lab: {as_typed(str(error), COMMANDS)}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to fail at exit
        return PIPE_CLOSED
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print("lab: no room left on the disk; make some and start again", file=sys.stderr)
        return 2
    return code


def run(argv: Sequence[str]) -> int:
    wanted = next((word for word in argv if not word.startswith("-")), None)
    if wanted is not None and wanted not in COMMANDS:
        raise LabError(not_known("command", wanted, COMMANDS))
    completing = "_ARGCOMPLETE" in os.environ
    parser, parsers, modules = build(list(COMMANDS) if completing else [wanted] if wanted else [])
    if completing:
        import argcomplete

        argcomplete.autocomplete(parser)
    args, unknown = parser.parse_known_args(argv)
    if args.command is None:
        parser.print_help(sys.stderr)
        return 2
    if unknown and args.command != "test":
        parsers[args.command].error_unknown(unknown[0])
    args.rest = unknown
    code: int = modules[args.command].main(args)
    return code


def build(filled: Sequence[str]) -> tuple[Parser, dict[str, Parser], dict[str, ModuleType]]:
    """The parser with every command's name; those in `filled` also get their options."""
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:{width}}  {command.summary}" for name, command in COMMANDS.items())
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} COMMAND ...",
        description=textwrap.fill(ABOUT, columns()),
        epilog=TOP_HELP.format(commands=listed, examples=laid_out(TOP_EXAMPLES, PROGRAM)),
        formatter_class=Help,
    )
    parser.add_argument("--version", action="version", version=f"session-lab {__version__}")
    commands = parser.add_subparsers(dest="command", help=argparse.SUPPRESS, prog=PROGRAM, parser_class=Parser)
    parsers, modules = {}, {}
    for name, command in COMMANDS.items():
        parsers[name] = commands.add_parser(name, help=command.summary, allow_abbrev=name != "test")
        if name in filled:
            modules[name] = importlib.import_module(f"scenarios.commands.{command.module}")
            fill(parsers[name], name, command, modules[name])
    return parser, parsers, modules


def fill(parser: Parser, name: str, command: Command, module: ModuleType) -> None:
    parser.description = command.summary[0].upper() + command.summary[1:] + "."
    parser.formatter_class = Help
    parser.epilog = "examples:\n" + laid_out(as_typed(module.EXAMPLES, COMMANDS), f"{PROGRAM} {name}")
    module.arguments(parser)
