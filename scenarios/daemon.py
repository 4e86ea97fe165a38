"""A lab that runs until it is stopped (`lab up`): cluster, door, users; in the background or with a board in front."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from scenarios import runtime
from scenarios.boards.live import watch_feed
from scenarios.cluster import CLUSTERS
from scenarios.cluster.attached import AttachedCluster
from scenarios.cluster.base import Cluster
from scenarios.cluster.door import open_door
from scenarios.cluster.ground import check_port
from scenarios.cluster.processes import ProcessCluster
from scenarios.crowd import Crowd
from scenarios.errors import LabError
from scenarios.events import Event
from scenarios.folds.fold import Fold
from scenarios.own_users import OwnUsers

HOST = "127.0.0.1"
THINK = 0.5  # mean seconds between a page and the user's next click: lively on a board, cheap on the machine

Ready = Callable[[dict[str, Any]], None]
"""Takes {name, url, metrics (a URL or None)} once the shop answers."""


@dataclass(frozen=True)
class Wanted:
    """What `lab up` was asked for. `port` 0 is any free one."""

    name: str
    servers: int
    store: str
    policy: str
    on_unknown: str
    users: int
    seed: int
    port: int
    admin: int | None = None
    """The port of /metrics; None: none, 0: any free one."""
    cluster: str = "processes"
    """One of CLUSTERS."""
    balancer: str = "ours"
    """One of BALANCERS."""


async def serve(wanted: Wanted, on_ready: Ready) -> None:
    """Run the lab until somebody ends it. Raises LabError: it cannot start, or something it needs has died."""
    async with open_lab(wanted) as (cluster, over):
        on_ready({"name": wanted.name, "url": cluster.url, "metrics": cluster.metrics})
        await over


async def serve_with_board(wanted: Wanted, on_ready: Ready, shown: str) -> None:
    """The same with a board in front, one of `choice.BOARDS`. Nobody left to read the board ends it, too."""
    async with open_lab(wanted) as (cluster, over):
        on_ready({"name": wanted.name, "url": cluster.url, "metrics": cluster.metrics})
        through_the_door = await AttachedCluster.attach(wanted.name)
        watching = asyncio.ensure_future(board(through_the_door, wanted.name, shown, events=cluster.events(begin=True)))
        try:
            await asyncio.wait({watching, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await (over if over.done() else watching)


async def board(
    cluster: AttachedCluster,
    name: str,
    shown: str,
    *,
    user: str | None = None,
    events: AsyncIterator[Event] | None = None,
) -> None:
    """Show the cluster from now on, beginning with how it stands; `user` is followed click by click."""
    events = events or cluster.events(begin=True)
    fold = Fold(follow=user)
    title = f"Session Lab - {name} - {cluster.url}"
    if shown == "app":
        from scenarios.boards.app.watch import watch_on_app  # not before: it costs a third of a second

        await watch_on_app(cluster, events, fold, title=title, clock=time.time)
    else:
        await watch_feed(events, fold=fold, title=title, clock=time.time, lines=shown == "lines")


@asynccontextmanager
async def open_lab(wanted: Wanted) -> AsyncIterator[tuple[ProcessCluster, "asyncio.Future[None]"]]:
    """The running lab, and what is done when it was ended from outside or fails when it broke."""
    place = runtime.claim(wanted.name)
    try:
        admin = {}
        if wanted.admin is not None:
            check_port(HOST, wanted.admin)
            admin["admin"] = f"{HOST}:{wanted.admin}"
        cluster = await CLUSTERS[wanted.cluster].start(
            place.folder,
            servers=wanted.servers,
            store=wanted.store,
            policy=wanted.policy,
            balancer=wanted.balancer,
            on_unknown=wanted.on_unknown,
            host=HOST,
            port=wanted.port,
            balancer_options=admin,
            keep=(place.lock,),
        )
        async with (
            cluster,
            shopping(cluster, wanted) as users,
            open_door(cluster, place.folder / runtime.DOOR, users.commands, users.streams) as ended,
        ):
            over = asyncio.ensure_future(until_over(cluster, ended))
            try:
                yield cluster, over
            finally:
                over.cancel()
                await asyncio.gather(over, return_exceptions=True)
    finally:
        place.release()


async def until_over(cluster: ProcessCluster, ended: asyncio.Event) -> None:
    """Return when somebody ended the lab. Raises LabError when it cannot go on."""
    asked = asyncio.ensure_future(ended.wait())
    broken = asyncio.ensure_future(cluster.until_broken())
    try:
        await asyncio.wait({asked, broken}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
        broken.cancel()
    if not ended.is_set():
        raise LabError("the balancer has ended unasked, and the lab with it: start it again with lab up")


@asynccontextmanager
async def shopping(cluster: Cluster, wanted: Wanted) -> AsyncIterator[OwnUsers]:
    """Users who shop all the time."""
    tickets: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            await cluster.mark(kind="ticket", **await tickets.get())

    def complain(user: str, text: str) -> None:
        tickets.put_nowait({"user": user, "text": text})

    crowd = Crowd(cluster.url, wanted.users, wanted.seed, think=THINK, timed=False, complain=complain)
    delivering = asyncio.ensure_future(deliver())
    try:
        crowd.start()
        await crowd.traffic.allow(math.inf)
        yield OwnUsers(cluster, crowd, wanted.on_unknown)
    finally:
        await crowd.close()
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
