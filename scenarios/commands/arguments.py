"""What several commands' arguments have in common: their types, their wording, and what is said of a wrong one.

Importing this must stay cheap: it is part of what `lab --help` costs.
"""

import argparse
import math
import os
import re
import shlex
from collections.abc import Callable, Iterable

from scenarios.nearest import hint, nearest

PROGRAM = shlex.quote(os.environ.get("LAB", "lab"))
"""What people type to start the lab, as the launcher was called."""

MOST_SERVERS = 100  # as scenarios.cluster.processes has it, and
MOST_USERS = 60  # scenarios.shop; a test holds them equal, because importing those would make the help slow


def not_known(kind: str, word: str, known: Iterable[str]) -> str:
    """What to say of a name that is none: the nearest one, or all there are."""
    return f"no {kind} is called {word!r}; {hint(word, known)}"


def number(what: str, lowest: int, highest: int) -> Callable[[str], int]:
    """The type of a whole number within limits; `what` says what it is in "'0' is no ..."."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = lowest - 1
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{text!r} is no {what}; choose {lowest} to {highest}")
        return value

    return parse


servers = number("number of servers", 1, MOST_SERVERS)


def member(text: str) -> str:
    """The type of a user's name: only members of the shop can be seen in a lab."""
    from scenarios.shop import MEMBERS

    if text not in MEMBERS:
        close = nearest(text, MEMBERS)
        better = f"did you mean {close}?" if close else f"choose {MEMBERS[0]}, or {MEMBERS[1]} to {MEMBERS[-1]}"
        raise argparse.ArgumentTypeError(f"no member is called {text!r}; {better}")
    return text


def above_zero(text: str) -> float:
    """The type of a number of seconds or a factor; `inf` is one."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value


def seconds(text: str) -> float:
    """The type of a time: `90`, or as locust has it `90s`, `5m`, `1h30m`; also `200ms`."""
    said = text
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", text)
    if match and text:
        text = str(sum(int(part or 0) * unit for part, unit in zip(match.groups(), (3600, 60, 1, 0.001), strict=True)))
    try:
        return above_zero(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{said!r} is no time; write seconds, or 200ms, 90s, 5m, 1h30m") from None


def several(kind: str, known: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    """The type of names out of a table, with commas between them."""
    names = list(known)

    def parse(text: str) -> tuple[str, ...]:
        chosen = tuple(dict.fromkeys(text.split(",")))
        for word in chosen:
            if word not in names:
                raise argparse.ArgumentTypeError(not_known(kind, word, names))
        return chosen

    return parse


def one_of(kind: str, known: Iterable[str]) -> Callable[[str], str]:
    """The type of a name out of a table; `choices` beside it are for the shell to complete."""
    names = list(known)

    def parse(word: str) -> str:
        if word not in names:
            raise argparse.ArgumentTypeError(not_known(kind, word, names))
        return word

    return parse


def add_choice(
    parser: argparse.ArgumentParser, option: str, known: Iterable[str], help: str, default: str | None
) -> None:
    """An option that takes a name out of a table; `choices` is what shells complete, the type is what checks."""
    kind = option.strip("-")
    names = list(known)
    told = f"{help}: {', '.join(names)}" + (f" (default: {default})" if default else "")
    parser.add_argument(
        option, type=one_of(kind, names), choices=names, default=default, metavar=kind.upper(), help=told
    )


def add_store(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    from servers.stores import STORES

    add_choice(parser, "--store", STORES, "where sessions live", default)


def add_policy(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    from balancer.policies import POLICIES

    add_choice(parser, "--policy", POLICIES, "how the balancer picks a server", default)


def add_on_unknown(parser: argparse.ArgumentParser) -> None:
    from servers.config import ON_UNKNOWN

    add_choice(parser, "--on-unknown", ON_UNKNOWN, "what servers do with the cookie of an ID they do not know", "keep")


def add_board(parser: argparse.ArgumentParser) -> None:
    from scenarios.boards.choice import BOARDS

    add_choice(parser, "--board", BOARDS, "how it is shown; by default as the terminal allows", None)


def add_cluster(parser: argparse.ArgumentParser, default: str | None = "processes") -> None:
    """Without a default, a command can tell whether it was asked for."""
    from scenarios.cluster import CLUSTERS

    add_choice(parser, "--cluster", CLUSTERS, "where it runs", default)


def add_balancer(parser: argparse.ArgumentParser) -> None:
    from scenarios.cluster.balancers import BALANCERS

    add_choice(parser, "--balancer", BALANCERS, "what stands in front of the servers", "ours")


def add_servers(parser: argparse.ArgumentParser, default: int) -> None:
    parser.add_argument(
        "--servers",
        type=servers,
        default=default,
        metavar="N",
        help=f"how many, 1 to {MOST_SERVERS} (default: {default})",
    )


def add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="lab", help="which lab, when several run side by side (default: lab)")
