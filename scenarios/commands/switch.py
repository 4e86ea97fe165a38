"""`lab switch`: the store or the policy of a running lab."""

import argparse

from scenarios.commands.arguments import add_name, add_policy, add_store
from scenarios.errors import LabError

EXAMPLES = """\
{lab} --policy sticky_cookie       route users back to the server that knows them
{lab} --store redis --migrate      one logbook for all servers; everybody stays logged in
{lab} --store memory               back to a logbook for each server; everybody has to log in again"""


def arguments(parser: argparse.ArgumentParser) -> None:
    add_store(parser)
    add_policy(parser)
    parser.add_argument("--migrate", action="store_true", help="carry the sessions over to the new store")
    add_name(parser)


def main(args: argparse.Namespace) -> int:
    import asyncio

    from scenarios.cluster.attached import AttachedCluster

    if not args.store and not args.policy:
        raise LabError("say what to switch: --store STORE, --policy POLICY or both")
    if args.migrate and not args.store:
        raise LabError("--migrate carries sessions over to a store: say which with --store STORE")

    async def switch() -> tuple[str, int]:
        cluster = await AttachedCluster.attach(args.name)
        before: str = (await cluster.state())["store"]
        answer = await cluster.switch(store=args.store, policy=args.policy, migrate=args.migrate)
        return before, int(answer["moved"])

    before, moved = asyncio.run(switch())
    if args.policy:
        print(f"policy: {args.policy}")
    if args.store:
        print(f"store: {args.store}, {moved} sessions carried over" if args.migrate else f"store: {args.store}")
        if args.store != before and not args.migrate:
            print(f"Everybody logs in again: the sessions have stayed in {before} (--migrate carries them over).")
    return 0
