"""What the keys ask of the cluster: each an order that is carried out while the board goes on, and answered in a line.

Orders about the whole cluster wait for each other, so that two more servers are two; one server is struck at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from scenarios.cluster.attached import AttachedCluster
from scenarios.errors import LabError
from scenarios.shop import MEMBERS

Say = Callable[[str, str], None]
"""(words, style): the line under the board."""

DONE = {
    "kill": "killed",
    "pause": "paused",
    "resume": "resumed",
    "partition": "cut off",
    "reconnect": "its network is whole again",
    "drain": "gets no new users",
    "undrain": "gets users again",
    "restart": "restarted",
}

CARRY = "{store}, and carry everybody's session over"
LEAVE = "{store}, everybody logs in again"


def store_words(stores: list[str]) -> list[str]:
    """The ways of changing the store, as they are offered."""
    return [form.format(store=store) for store in stores for form in (CARRY, LEAVE)]


class Orders:
    """Gives orders to `cluster`, and says with `say` what became of each."""

    def __init__(self, cluster: AttachedCluster, say: Say) -> None:
        self.cluster = cluster
        self.say = say
        self._whole = asyncio.Lock()
        self.running: set[asyncio.Task[None]] = set()

    def one(self, what: str, server: str) -> None:
        """One of DONE, to a server."""
        order: Callable[[str], Awaitable[Any]] = getattr(self.cluster, what)
        self._begin(f"{what} {server}", lambda: order(server), lambda _: f"{server}: {DONE[what]}")

    def store(self, words: str) -> None:
        """One of `store_words`."""
        store = words.partition(",")[0]
        migrate = words == CARRY.format(store=store)

        def done(answer: dict[str, Any]) -> str:
            return f"store: {store}, {answer['moved']} sessions carried over" if migrate else f"store: {store}"

        self._begin(f"store {store}", lambda: self.cluster.switch(store=store, migrate=migrate), done, whole=True)

    def policy(self, policy: str) -> None:
        self._begin(
            f"policy {policy}", lambda: self.cluster.switch(policy=policy), lambda _: f"policy: {policy}", whole=True
        )

    def scale(self, change: int) -> None:
        """So many servers more, or fewer."""

        async def scale() -> int:
            servers = len((await self.cluster.state())["servers"]) + change
            await self.cluster.scale(servers)
            return servers

        words = "one server more" if change > 0 else "one server fewer"
        self._begin(words, scale, lambda servers: f"servers: {servers}", whole=True)

    def users(self, change: int) -> None:
        """So many virtual users more, or fewer: as many as there are members at most, and none at least."""

        async def users() -> int:
            now = (await self.cluster.ask("about"))["users"]
            wanted: int = min(max(now + change, 0), len(MEMBERS))
            await self.cluster.ask("users", count=wanted)
            return wanted

        words = f"{abs(change)} users {'more' if change > 0 else 'fewer'}"
        self._begin(words, users, lambda users: f"users: {users}", whole=True)

    def _begin(
        self,
        words: str,
        order: Callable[[], Awaitable[Any]],
        done: Callable[[Any], str],
        whole: bool = False,
    ) -> None:
        self.say(f"{words} ...", "quiet")
        task = asyncio.ensure_future(self._carry_out(words, order, done, whole))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def _carry_out(
        self, words: str, order: Callable[[], Awaitable[Any]], done: Callable[[Any], str], whole: bool
    ) -> None:
        try:
            if whole:
                async with self._whole:
                    answer = await order()
            else:
                answer = await order()
        except LabError as refusal:
            self.say(f"{words}: {refusal}", "BAD")
        else:
            self.say(done(answer), "strong")
