"""A server is cut off for a few seconds, and lives: who is logged out, and who has to wait?"""

import asyncio

from scenarios import checks
from scenarios.faults.partition import partition
from scenarios.stage import Lab

START = {"servers": 5, "store": "memory", "policy": "sticky_cookie"}
NEEDS = ("redis",)
CUT = 5.0
"""Seconds: long enough for the balancer to notice (two checks), too short for it to give up what it has sent (30 s)."""
LONG = 1.0
"""Seconds: whoever waits longer for a page thinks about leaving."""

STICKY = """Each server keeps its own users, and one is out of reach for {cut:g} seconds: no packet gets through, and
nobody says so. Its users wait for their pages; whoever is moved meanwhile is a stranger to the next server."""

SHARED = """The same with one logbook in Redis, and users dealt out in turn: no server is a stranger to anybody.
But now everybody comes by the one that is cut off, until the balancer notices: the wait of some is a wait for all."""


async def play(lab: Lab) -> None:
    await lab.arrange(servers=5, store="memory", policy="sticky_cookie")
    await cut_off(lab, "cut-off-sticky", STICKY)
    await lab.arrange(store="redis", policy="round_robin", migrate=True)
    await cut_off(lab, "cut-off-shared", SHARED)


async def cut_off(lab: Lab, name: str, text: str) -> None:
    async with lab.act(name, text.format(cut=CUT), law=0.0) as act:
        await lab.settle()
        await act.shop(600)
        act.note("the rate is that of an untroubled fleet; what the cut costs stands below")

        victim = (await lab.server_names())[2]
        near, losses, felt = lab.users_on({victim}), lab.losses(), lab.felt()
        first = len(lab.crowd.latencies)
        async with lab.traffic(), partition(lab.cluster, victim):
            await asyncio.sleep(CUT)
        await lab.crowd.shop(4 * lab.settings.users)

        out, cut = lab.lost_since(losses), lab.crowd.felt.since(felt)
        took = lab.crowd.latencies[first:]
        late = sum(seconds > LONG for seconds in took)
        act.note(f"{len(near)} of {lab.settings.users} users were with {victim}; logged out: {len(out)}")
        act.note(f"{late} of {len(took):,} requests took longer than {LONG:g} s, the longest {max(took):.1f} s")
        if act.store == "memory":
            act.judge(checks.none("users out from other servers", len(out - near)))
        else:
            act.judge(checks.none("users logged out", len(out)))
        act.judge(
            checks.some("requests that had to wait", late),
            checks.none("requests that failed", cut.failed + cut.unavailable),
        )
        await lab.settle()
