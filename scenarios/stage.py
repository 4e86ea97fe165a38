"""The `lab` that a scenario script plays on: a cluster, a crowd, acts that are measured and judged.

    async def play(lab):
        await lab.arrange(servers=10, store="memory", policy="round_robin")
        async with lab.act("ten-servers", "Two sentences.", law=theory.keep_law(10)) as act:
            await act.shop(2000)
            act.judge(checks.none("requests that failed", act.felt.failed))

Scripts do exactly what the commands do: everything goes through the Cluster protocol.
"""

import asyncio
import math
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from statistics import quantiles
from typing import Any, Literal

from scenarios import checks
from scenarios.act import COUNTED, Act, Cost
from scenarios.cluster.base import Cluster
from scenarios.crowd import Crowd
from scenarios.errors import LabError
from scenarios.felt import Felt
from scenarios.shop import MEMBERS
from scenarios.users import Advice

Pace = Literal["fast", "watch", "step"]

CLICKS_PER_SECOND: dict[Pace, float] = {"fast": 1200.0, "watch": 200.0, "step": 200.0}
"""What all users together aim at; think times follow from it."""


CUT_OFF = "cut off"
"""The verdict of an act that was stopped in its middle: it is shown, and is no part of the run's record."""


@dataclass(frozen=True)
class Settings:
    """What was asked for. `servers` and `users` are counts, `seed` feeds every random choice of the users."""

    seed: int = 1
    pace: Pace = "fast"
    servers: int = 10
    users: int = len(MEMBERS)
    on_unknown: str = "keep"

    def __post_init__(self) -> None:
        if not 1 <= self.users <= len(MEMBERS):
            raise LabError(f"--users {self.users}: the shop has {len(MEMBERS)} members; choose 1 to {len(MEMBERS)}")


class Lab:
    """A cluster with a crowd of users at its door, and the record of what was shown on it."""

    def __init__(self, cluster: Cluster, settings: Settings, show: Callable[[dict[str, Any], str], None]) -> None:
        self.cluster = cluster
        self.settings = settings
        self.servers = settings.servers
        self.acts: list[dict[str, Any]] = []
        self._show = show
        self._tickets: list[str] = []
        self._loose: set[asyncio.Future[None]] = set()
        think = settings.users / CLICKS_PER_SECOND[settings.pace]
        self.crowd = Crowd(cluster.url, settings.users, settings.seed, think=think, complain=self._ticket)
        self.crowd.start()

    async def arrange(
        self,
        *,
        servers: int | None = None,
        store: str | None = None,
        policy: str | None = None,
        migrate: bool = False,
    ) -> None:
        """Bring the cluster to this setting, changing only what differs."""
        state = await self.cluster.state()
        if servers is not None and servers != len(state["servers"]):
            await self.cluster.scale(servers)
        changes = {key: value for key, value in (("store", store), ("policy", policy)) if value and value != state[key]}
        if changes:
            await self.cluster.switch(**changes, migrate=migrate)

    @asynccontextmanager
    async def act(self, name: str, text: str, law: float, begins: float | None = None) -> AsyncIterator[Act]:
        """One act on the cluster as it stands: announced, measured, checked against the rules of every act, shown.

        `begins`: the law until the act itself changes the cluster, if that is another one.
        """
        state = await self.cluster.state()
        servers, store, policy = len(state["servers"]), state["store"], state["policy"]
        act = Act(name, text, law, servers, store, policy, self.cluster, self.crowd)
        await self.cluster.mark(
            kind="act",
            name=name,
            title=name,
            text=text,
            servers=act.servers,
            store=act.store,
            policy=act.policy,
            theory_rate=law if begins is None else begins,
        )
        await self.cluster.mark(kind="servers", servers=self.cluster.names())
        all_before = self.felt()
        self._tickets = []
        try:
            yield act
        except asyncio.CancelledError:
            self._show({**act.record(), "verdict": CUT_OFF}, text)
            raise
        felt = self.crowd.felt.since(all_before)
        differ = sum(abs(act.counts[key] - getattr(act.felt, key)) for key in COUNTED)
        for check in (
            checks.rate("logout rate", act.counts["logged_out"], act.counts["with_session"], law),
            checks.none("pages of somebody else", felt.somebody_else),
            checks.none("logged in after logging out", felt.ghosts),
            checks.none("difference between the users' count and the balancer's", differ),
        ):
            act.judge(replace(check, every_act=True))
        act.tickets += self._tickets
        record = act.record()
        self.acts.append(record)
        await self.cluster.mark(kind="act_end", act=record)
        self._show(record, text)
        await self.pause()

    @asynccontextmanager
    async def traffic(self) -> AsyncIterator[None]:
        """Users keep clicking while the block runs; not part of an act's numbers."""
        await self.crowd.traffic.allow(math.inf)
        try:
            yield
        finally:
            await self.crowd.traffic.stop()

    def patience(self, tries: int) -> None:
        """How often users show a lost ID again before it is called lost for good."""
        for shopper in self.crowd.shoppers:
            shopper.patience = tries

    def advise(self, advice: Advice) -> None:
        """What support tells users to do when they are logged out."""
        for shopper in self.crowd.shoppers:
            shopper.advice = advice

    async def settle(self) -> None:
        """Let users notice what changed and log in again, until a few clicks of each pass without a logout."""
        for _ in range(12):
            if not (await self.crowd.shop(3 * len(self.crowd.shoppers))).logged_out:
                break

    def users_on(self, servers: Collection[str]) -> set[str]:
        """Names of the users whom one of these servers answered last."""
        return {shopper.name for shopper in self.crowd.shoppers if shopper.via in servers}

    def losses(self) -> dict[str, int]:
        """How often each user has been logged out so far."""
        return {shopper.name: shopper.losses for shopper in self.crowd.shoppers}

    def lost_since(self, before: dict[str, int]) -> set[str]:
        """Names of the users logged out since `losses()` said `before`."""
        return {name for name, losses in self.losses().items() if losses > before[name]}

    def felt(self) -> Felt:
        """A snapshot of what all users have felt so far, for `Felt.since`."""
        return replace(self.crowd.felt)

    async def server_names(self) -> list[str]:
        return [server["name"] for server in (await self.cluster.state())["servers"]]

    async def cost(self, act: "Act", requests: int) -> "Cost":
        """Shop in `act`, and say what a request cost: CPU of the servers, and latency as users see it."""
        before, first = await self._cpu_seconds(), len(self.crowd.latencies)
        await act.shop(requests)
        used = await self._cpu_seconds() - before
        cuts = quantiles(self.crowd.latencies[first:], n=20)
        return Cost(used / requests * 1e6, cuts[9] * 1e3, cuts[18] * 1e3)

    async def _cpu_seconds(self) -> float:
        """That the servers have used so far, as they say themselves: they may run anywhere."""
        seconds: float = sum(server["cpu"] for server in (await self.cluster.state())["servers"])
        return seconds

    async def pause(self) -> None:
        """Between acts: nothing when fast, a few seconds one can skip when watching, Enter when stepping."""
        if self.settings.pace != "fast":
            await enter_pressed(4.0 if self.settings.pace == "watch" else math.inf)

    def _ticket(self, user: str, text: str) -> None:
        self._tickets.append(text)
        self._later(self.cluster.mark(kind="ticket", user=user, text=text))

    def _later(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._loose.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Future[None]") -> None:
        self._loose.discard(task)
        if not task.cancelled():
            task.exception()  # a ticket that did not reach a cluster that is gone: the play itself will say so

    async def close(self) -> None:
        await self.crowd.close()
        await asyncio.gather(*self._loose, return_exceptions=True)

    def result(self, scenario: str) -> dict[str, Any]:
        """The run as `--json` prints it."""
        passed = bool(self.acts) and all(act["verdict"] == "pass" for act in self.acts)
        return {
            "scenario": scenario,
            "seed": self.settings.seed,
            "verdict": "pass" if passed else "fail",
            "acts": self.acts,
        }


async def enter_pressed(seconds: float) -> None:
    """Return when Enter is pressed, or after `seconds`; never wait for ever where nobody can press it."""
    if not sys.stdin.isatty():
        await asyncio.sleep(0 if math.isinf(seconds) else seconds)
        return
    pressed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def read_line() -> None:
        sys.stdin.readline()
        pressed.set()

    loop.add_reader(sys.stdin, read_line)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                await pressed.wait()
    finally:
        loop.remove_reader(sys.stdin)
