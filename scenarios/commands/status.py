"""`lab status`: a running lab in numbers."""

import argparse
import json
from typing import Any

from scenarios.commands.arguments import add_name

EXAMPLES = """\
{lab}
{lab} --json | jq .logout_rate"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")
    add_name(parser)


def main(args: argparse.Namespace) -> int:
    import asyncio

    from scenarios.cluster.attached import AttachedCluster

    async def state() -> dict[str, Any]:
        return await (await AttachedCluster.attach(args.name)).state()

    found = asyncio.run(state())
    print(json.dumps(found) if args.json else "\n".join(lines(found)))
    return 0


def lines(state: dict[str, Any]) -> list[str]:
    """The state in words and one table."""
    rate = "no request showed a wristband yet"
    if state["logout_rate"] is not None:
        rate = (
            f"{state['logout_rate']:.1%} logged out: {state['logged_out']} of {state['with_session']} requests with a "
            f"wristband ({state['requests']} in all)"
        )
    head = ("server", "address", "pid", "health", "requests", "sessions", "known", "unknown")
    rows = [head, *(row(server) for server in state["servers"])]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(head))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) for cells in rows]
    setting = f"{len(state['servers'])} servers, store {state['store']}, policy {state['policy']}"
    return [f"{state['url']}   {setting}", rate, "", *(line.rstrip() for line in table)]


def row(server: dict[str, Any]) -> tuple[str, ...]:
    outcomes = server["outcomes"]
    health = "up" if server["healthy"] else "down" if server["pid"] else "not running"
    numbers = (server["requests"], server["sessions"], outcomes.get("hit", 0), outcomes.get("unknown", 0))
    shown = ("-" if value is None else str(value) for value in numbers)
    return (server["name"], server["address"] or "-", str(server["pid"] or "-"), health, *shown)
