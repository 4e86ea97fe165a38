"""One load on one target: start, show, judge; and everything ended whatever happens in between."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from scenarios.errors import LabError
from scenarios.felt import Felt
from scenarios.shapes import SHAPES
from scenarios.swarm import lines
from scenarios.swarm.locust import ENDS_WITHIN, WEB_HOST, Swarm, check
from scenarios.swarm.stage import Stage
from scenarios.swarm.target import Target, open_target
from scenarios.swarm.wanted import Bounds, Load, Where

SHOW_EVERY = 2.0  # seconds; workers report to their master every 3
SHOW_EVERY_WITH_WORKERS = 3.0

Say = Callable[[str], None]


async def run(load: Load, bounds: Bounds, where: Where, say: Say) -> int:
    """The exit code: 0, or 1 when a bound was broken or a worker was lost. Raises LabError when it cannot be done."""
    check(load)
    async with open_target(where) as target:
        stage = Stage(target.cluster, SHAPES[load.shape] if load.shape else None, load.run_time or 1.0)
        await stage.set_up()
        before = await counters(target)
        say(f"{load.users:,} users on {target.what}: {target.url}" + (f"\n{stage.setting}" if stage.setting else ""))
        if load.shape and target.cluster is None and (SHAPES[load.shape].servers or SHAPES[load.shape].restarts_at):
            say(f"This cluster is not ours to change: of the shape {load.shape}, only its users are played.")
        if load.web_port is not None:
            say(f"Locust's web UI: http://{WEB_HOST}:{load.web_port}   (tab Logouts; Ctrl-C ends the run)")
        async with await Swarm.start(target.url, load, stage.law) as swarm:
            show = Show(load, stage, swarm, say)
            await mark(target, f"{load.users} users of locust")
            try:
                await with_company(show.until_the_end(), stage.follow())
            except asyncio.CancelledError:
                await show.to_the_last_word()
                await report(show, stage, target, before, say)
                raise
        await mark(target, "over")
        await report(show, stage, target, before, say)
        return judge(bounds, show, swarm, say)


async def with_company(main: Any, company: Any) -> None:
    """`main` to its end, with `company` beside it as long as that lasts; either one's failure is raised."""
    tasks = [asyncio.ensure_future(main), asyncio.ensure_future(company)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Show:
    """The live lines of a run."""

    def __init__(self, load: Load, stage: Stage, swarm: Swarm, say: Say) -> None:
        self.last: Mapping[str, Any] | None = None
        self.laws: list[float | None] = []
        self.load = load
        self._every = SHOW_EVERY_WITH_WORKERS if load.workers else SHOW_EVERY
        self._stage = stage
        self._swarm = swarm
        self._say = say
        self._began = self._shown = 0.0
        self._told_lost = 0
        self._most_users = 0
        self._before = Felt()

    async def until_the_end(self) -> None:
        async for line in self._swarm.told():
            if not line["requests"]:
                continue  # nobody has clicked yet
            if not self._began:
                self._say(lines.HEAD)
                self._stage.begun.set()
                self._began = self._shown = line["time"]
            if self.last is not None and line["requests"] < self.last["requests"]:
                self._before = Felt()  # somebody began anew, in locust's web UI
            self.last = line
            self.laws.append(self._stage.law)
            self._most_users = max(self._most_users, line["users"])  # at the end they have gone, and clicked before
            passed = line["time"] - self._shown
            if passed >= self._every and "exit_code" not in line:
                now = {**line, "users": self._most_users}
                self._say(lines.row(line["time"] - self._began, passed, now, self._before, self._stage.law))
                self._shown, self._before, self._most_users = line["time"], lines.felt_in(line), 0
            for lost in self._swarm.lost[self._told_lost :]:
                self._say(f"lab: {lost}")
            self._told_lost = len(self._swarm.lost)

    async def to_the_last_word(self) -> None:
        """After Ctrl-C: locust ends in its own way, and what it has counted is complete."""
        self._swarm.stop()
        with suppress(LabError, TimeoutError):  # it had hardly begun, or hangs
            async with asyncio.timeout(ENDS_WITHIN):
                async for line in self._swarm.told():
                    self.last = line if line["requests"] else self.last


async def mark(target: Target, detail: str) -> None:
    """For boards and journals that follow the lab's feed."""
    if target.cluster is not None:
        await target.cluster.mark(what="load", detail=detail)


async def counters(target: Target) -> dict[str, int] | None:
    """The balancer's, where there is one that we may ask."""
    if target.cluster is None:
        return None
    counts = await target.cluster.counters()
    return {name: counts[name] for name in ("requests", "with_session", "logged_out")}


async def own_users(target: Target) -> int:
    """How many virtual users the lab has itself; 0 where it is ours for this run only."""
    state = await target.cluster.state() if target.cluster is not None else {}
    users: int = state.get("users", 0)
    return users


async def report(show: Show, stage: Stage, target: Target, before: dict[str, int] | None, say: Say) -> None:
    """The measurement beside theory and beside the balancer's count, and the tables."""
    if show.last is None:
        say("Nobody has clicked: nothing was measured.")
        return
    felt, tally = lines.felt_in(show.last), show.last["tally"]
    said = ["", *lines.rate_lines(felt, show.laws, stage.setting, stage.holds_when)]
    after = await counters(target)
    if before is not None and after is not None:
        counted = {name: after[name] - before[name] for name in after}
        said.append(lines.balancer_line(felt, counted, await own_users(target)))
    said += [*lines.harm_lines(felt, show.last), "", *lines.table("while", tally["doing"])]
    if set(tally["servers"]) - {"", lines.SOMEWHERE}:
        said += ["", *lines.table("answered by", tally["servers"])]
    said += lines.eyes(tally["told"]) + lines.written(show.load)
    say("\n".join(said))


def judge(bounds: Bounds, show: Show, swarm: Swarm, say: Say) -> int:
    """Say what was broken; 1 when something was. With a lost worker, it was not the load that was asked for."""
    found = lines.broken(bounds, show.last) + swarm.lost
    if found:
        say("\n".join(["", *(f"Broken: {what}" for what in found)]))
    elif bounds != Bounds(None, None):
        say("\nWithin bounds.")
    return 1 if found else 0
