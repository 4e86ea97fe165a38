"""The incident: a shop grows from one server to ten, everybody "keeps getting logged out", and two fixes are tried."""

import asyncio

from scenarios import checks, theory
from scenarios.act import Act, Cost
from scenarios.errors import LabError
from scenarios.faults.kill import kill
from scenarios.faults.store_outage import store_outage
from scenarios.stage import Lab
from scenarios.users import Advice

START = {"servers": 1, "store": "memory", "policy": "round_robin"}
NEEDS = ("redis",)

ONE_SERVER = """The shop runs on one server, which keeps its sessions in its own memory.
Whoever logged in stays logged in: the only logbook there is knows every wristband."""

TEN_SERVERS = """Business is good, so there are {n} servers now, each still with a logbook of its own.
The balancer deals requests out in turn, and only one logbook in {n} knows your wristband."""

USELESS_ADVICE = """Support answers the tickets: try again, clear your cookies, use another browser.
Users do as they are told, and the rate does not move, because nothing is wrong with the users."""

STICKY = """The balancer hands out a cookie of its own and sends each user back to the same server.
It works until a server dies or the fleet shrinks: its logbook, and everybody in it, is gone."""

SHARED_STORE = """All servers move to one shared logbook in Redis, live, and take their entries along.
Any server now knows any wristband, so it stops mattering which one answers, or which one dies."""

PRICE = """A shared logbook is asked over a socket at every click, and it can be away.
While it is, members see an honest error; nobody is logged out, and all are still in afterwards."""

ACTS = {
    "one-server": ONE_SERVER,
    "ten-servers": TEN_SERVERS,
    "useless-advice": USELESS_ADVICE,
    "sticky": STICKY,
    "shared-store": SHARED_STORE,
    "price-of-sharing": PRICE,
}


async def play(lab: Lab) -> None:
    n, users = lab.servers, lab.settings.users
    if n < 2 or n > users // 2:
        raise LabError(
            f"keeps-logging-out cannot be played with {n} servers and {users} users: it needs two servers or more, and "
            "twice as many users, or strict round robin falls into step with them; change --servers or --users"
        )
    await one_server(lab)
    await ten_servers(lab, n)
    await useless_advice(lab, n)
    in_memory = await sticky(lab, n)
    await shared_store(lab, n)
    await price_of_sharing(lab, n, in_memory)


async def one_server(lab: Lab) -> None:
    await lab.arrange(servers=1, store="memory", policy="round_robin")
    async with lab.act("one-server", ONE_SERVER, theory.keep_law(1)) as act:
        lab.patience(1)
        await act.shop(500)
        act.judge(checks.none("requests that failed", act.felt.failed + act.felt.unavailable))


async def ten_servers(lab: Lab, n: int) -> None:
    await lab.arrange(servers=n, store="memory", policy="round_robin")
    async with lab.act("ten-servers", TEN_SERVERS.format(n=n), theory.keep_law(n)) as act:
        lab.patience(theory.tries_until_known(n))
        await act.shop(2000)
        act.judge(checks.some("carts and orders lost", act.felt.carts_gone + act.felt.orders_lost))
        classed = act.felt.flaps + act.felt.terminals
        flap_share = act.felt.flaps / classed if classed else 0.0
        act.note(
            f"{classed} logouts classed: {flap_share:.0%} flap - the same cookie works again when its server answers"
        )
        if lab.settings.on_unknown == "keep":
            act.judge(checks.least("logouts that flap", flap_share, 0.9))


async def useless_advice(lab: Lab, n: int) -> None:
    async with lab.act("useless-advice", USELESS_ADVICE, theory.keep_law(n)) as act:
        given: tuple[Advice, ...] = ("try again", "clear your cookies", "another browser")
        for advice in given:
            lab.advise(advice)
            felt = await act.shop(500)
            act.judge(checks.rate(f"advice '{advice}'", felt.logged_out, felt.with_session, theory.keep_law(n)))
        lab.advise("none")


async def sticky(lab: Lab, n: int) -> Cost:
    """Sticky routing, then a killed server, then fewer servers. Returns what a request costs in memory."""
    async with lab.traffic():
        await lab.arrange(servers=n, store="memory", policy="sticky_cookie")
    async with lab.act("sticky", STICKY, 0.0) as act:
        lab.patience(3)
        await lab.settle()
        cost = await lab.cost(act, 600)
        act.note("the rate is that of an untroubled fleet; what a dead server and a smaller fleet cost stands below")

        victim = (await lab.server_names())[n // 2]
        hit = lab.users_on({victim})
        before = lab.losses()
        async with kill(lab.cluster, victim):
            await lab.crowd.shop(6 * lab.settings.users)
            judge_losses(
                act,
                "killed server",
                lab.lost_since(before),
                hit,
                lab.settings.users,
                theory.lost_with_server(n),
            )

        await lab.settle()
        fewer = max(1, n - max(1, n * 3 // 10))
        names = await lab.server_names()
        hit = lab.users_on(set(names[fewer:]))
        before = lab.losses()
        async with lab.traffic():
            await lab.cluster.scale(fewer)
        await lab.crowd.shop(6 * lab.settings.users)
        judge_losses(
            act,
            f"scale-in to {fewer}",
            lab.lost_since(before),
            hit,
            lab.settings.users,
            theory.lost_by_scale_in(n, fewer),
        )
        # Whoever is out logs in again: a cookie that no living server knows would look like a logout of the next act.
        await lab.settle()
    return cost


def judge_losses(act: Act, event: str, out: set[str], hit: set[str], users: int, law: float) -> None:
    """Only users of the lost logbooks may be out; how many those are follows from how users were spread."""
    act.judge(
        checks.rate(f"{event}: users out", len(out), users, law),
        checks.none(f"{event}: users out from other servers", len(out - hit)),
    )


async def shared_store(lab: Lab, n: int) -> None:
    await lab.arrange(servers=n, store="memory", policy="round_robin")
    async with lab.act("shared-store", SHARED_STORE, 0.0, begins=theory.keep_law(n)) as act:
        lab.patience(theory.tries_until_known(n))
        before = lab.felt()
        async with lab.traffic():
            await lab.arrange(store="redis", migrate=True)
        moving = lab.crowd.felt.since(before)
        act.store = "redis"
        act.note("the rate is that after the move; tickets about logouts are from before it")
        act.judge(checks.none("requests that failed in the live move", moving.failed + moving.unavailable))
        lab.patience(3)
        await act.shop(900)
        async with kill(lab.cluster, (await lab.server_names())[n // 2]):
            felt = await act.shop(400)
            act.judge(checks.none("killed server: users' logouts", felt.logged_out))


async def price_of_sharing(lab: Lab, n: int, in_memory: Cost) -> None:
    async with lab.act("price-of-sharing", PRICE, 0.0) as act:
        in_redis = await lab.cost(act, 600)
        act.note(f"memory, sticky    {in_memory}")
        act.note(f"Redis, any server {in_redis}")
        before = lab.felt()
        async with lab.traffic(), store_outage(lab.cluster):
            await asyncio.sleep(2.0)
        outage = lab.crowd.felt.since(before)
        act.judge(
            checks.some("honest errors while Redis was away", outage.unavailable),
            checks.none("logouts while Redis was away", outage.logged_out),
        )
        felt = await act.shop(400)
        act.judge(
            checks.none("logouts after Redis came back", felt.logged_out),
            checks.none("errors after Redis came back", felt.unavailable + felt.failed),
        )
