"""The lab's own users (`lab up --users`): how many shop, and that they rest while a scenario is played."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from scenarios.cluster.base import Cluster
from scenarios.crowd import Crowd
from scenarios.shop import MEMBERS
from servers.control import Command, ControlError, Stream


class OwnUsers:
    """What the lab's door offers about them; `crowd` has been started."""

    def __init__(self, cluster: Cluster, crowd: Crowd, on_unknown: str, clock: Callable[[], float] = time.time) -> None:
        self._cluster = cluster
        self._crowd = crowd
        self._on_unknown = on_unknown
        self._clock = clock
        self._changing = asyncio.Lock()
        self._playing: dict[str, Any] | None = None
        self.commands: dict[str, Command] = {"state": self.state, "about": self.about, "users": self.users}
        self.streams: dict[str, Stream] = {"stage": self.stage}

    async def state(self) -> dict[str, Any]:
        """The cluster's, with how many users there are, and {what, since (Unix, seconds)} is played or None."""
        return {**await self._cluster.state(), **await self.about()}

    async def about(self) -> dict[str, Any]:
        return {"on_unknown": self._on_unknown, "users": len(self._crowd.shoppers), "playing": self._playing}

    async def users(self, count: int) -> dict[str, Any]:
        """Have this many; answers when those who leave are gone."""
        if type(count) is not int or not 0 <= count <= len(MEMBERS):
            raise ControlError(f"{count!r} users: choose 0 to {len(MEMBERS)}")
        async with self._changing:
            if count != len(self._crowd.shoppers):
                await self._crowd.resize(count)
                await self._cluster.mark(what="users", detail=f"to {count}")
        return {"users": count}

    async def stage(self, what: str) -> AsyncGenerator[dict[str, Any], None]:
        """The stage is the caller's as long as it holds this stream: our users have come to rest, and nobody else can
        have it. However the caller ends, its connection does, and they go on."""
        if self._playing is not None:
            since = time.strftime("%H:%M:%S", time.localtime(self._playing["since"]))
            raise ControlError(f"{self._playing['what']} is being played on this lab since {since}: wait for its end")
        self._playing = {"what": what, "since": self._clock()}
        held = self._held()
        await anext(held)  # begun: whatever happens now, closing it runs its `finally`
        return held

    async def _held(self) -> AsyncGenerator[dict[str, Any], None]:
        try:
            await self._crowd.traffic.stop()
            yield {}
            yield {"resting": len(self._crowd.shoppers)}
            await asyncio.Event().wait()
        finally:
            self._playing = None
            await self._crowd.traffic.allow(math.inf)
