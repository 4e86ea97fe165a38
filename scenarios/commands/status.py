"""`lab status`: a running lab in numbers."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from scenarios.boards.words import clock, count, counted, percent
from scenarios.commands.arguments import add_name

EXAMPLES = """\
{lab}
{lab} --json | jq .logout_rate         from the start on
{lab} --json | jq .since.logout_rate   from the last change on

In --json, theory_rate is the law for the lab as it stands, since has the counts from the last change on, and a server's
health is up, slow, draining, down, paused or partitioned (cut off)."""

HEAD = ("server", "port", "pid", "health", "requests", "sessions", "known", "unknown", "errors")
WORDS = frozenset({"server", "health"})
"""Columns of words, flush left; the others hold numbers."""
SAID = {"partitioned": "cut off"}
"""The word for people, which is everywhere the same; programs get the name of the command."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")
    add_name(parser)


def main(args: argparse.Namespace) -> int:
    import asyncio
    import time

    from scenarios.cluster.attached import AttachedCluster

    async def state() -> dict[str, Any]:
        return await (await AttachedCluster.attach(args.name)).state()

    found = asyncio.run(state())
    print(json.dumps(found) if args.json else "\n".join(lines(found, time.time())))
    return 0


def lines(state: Mapping[str, Any], now: float) -> list[str]:
    """The state in words and two tables, at most 80 columns wide; `now`: Unix, seconds."""
    setting = [counted(len(state["servers"]), "server"), f"store {state['store']}", state["policy"]]
    setting += [f"behind {state['behind']}"] if state["behind"] != "ours" else []
    head = [f"{state['url']}   {', '.join([*setting, counted(state['users'], 'user')])}"]
    if playing := state["playing"]:
        ago = clock(now - playing["since"])
        head.append(f"{playing['what']} has been playing for {ago}; the lab's own users rest meanwhile")
    return [*head, "", *rates(state, now), "", *servers(state)]


def rates(state: Mapping[str, Any], now: float) -> list[str]:
    """Measured from the start on, and from the last change on, beside the law for the lab as it stands."""
    since, theory = state["since"], percent(state["theory_rate"])
    rows = [("since the start", percent(state["logout_rate"]), of(state))]
    if since["what"] != "start":
        done = f"{since['what'].replace('_', ' ')} {since['detail']}"
        told = f"{of(since)}; {clock(now - since['time'])} ago"
        rows.append((f"since {done}", percent(since["logout_rate"]), told))
    rows.append(("theory for the lab as it stands", theory, ""))
    name, rate = (max(len(row[column]) for row in rows) for column in (0, 1))
    measured = (f"  {row[0]:{name}}  {row[1]:>{rate}}  {row[2]}".rstrip() for row in rows)
    return ["logged out, of the requests that showed a wristband:", *measured]


def of(counts: Mapping[str, Any]) -> str:
    return f"{count(counts['logged_out'])} of {count(counts['with_session'])}"


def servers(state: Mapping[str, Any]) -> list[str]:
    rows = [HEAD, *(row(server) for server in state["servers"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(placed, HEAD, cells, widths)).rstrip() for cells in rows]


def placed(head: str, cell: str, width: int) -> str:
    return cell.ljust(width) if head in WORDS else cell.rjust(width)


def row(server: Mapping[str, Any]) -> tuple[str, ...]:
    outcomes = server["outcomes"]
    numbers = (
        server["address"].rpartition(":")[2] or None,
        server["pid"],
        server["requests"],
        server["sessions"],
        outcomes.get("hit", 0),
        outcomes.get("unknown", 0) + outcomes.get("expired", 0),
        server["errors"],
    )
    port, pid, *counts = ("-" if value is None else str(value) for value in numbers)
    health = SAID.get(server["health"], server["health"])
    return (server["name"], port, pid, health, *counts)
