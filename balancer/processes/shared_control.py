"""The control channel of a balancer with workers: what is told to one process is done by all, and asked of all."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import wraps
from inspect import signature
from typing import Any

from balancer.control import PATIENCE, Control, require
from balancer.explain import row
from balancer.processes.workers import Workers
from servers.control import Command, ControlError

DONE_BY_ALL = ("policy", "drain", "resume", "label")


class SharedControl(Control):
    """The same commands with the same answers."""

    def __init__(self, workers: Workers, address: str, stop: asyncio.Event) -> None:
        super().__init__(workers.model, address, stop)
        self._workers = workers
        self.commands |= {name: self._done_by_all(name, self.commands[name]) for name in DONE_BY_ALL}
        self.streams["subscribe"] = self.listen

    def _done_by_all(self, name: str, command: Command) -> Command:
        """Judged and done by the parent's model first: what it refuses, nobody has done."""

        @wraps(command)
        async def done(*values: Any, **named: Any) -> dict[str, Any]:
            arguments = dict(zip(signature(command).parameters, values, strict=False)) | named
            async with self._workers.order:
                answer = await command(*values, **named)
                answers = await self._workers.tell(name, **arguments)
            if "in_flight" in answer:
                answer["in_flight"] = sum(each["in_flight"] for each in answers)
            return answer

        return done

    async def add(self, address: str, name: str = "", weight: int = 1, addresses: Sequence[str] = ()) -> dict[str, Any]:
        """As of a single process. A name is looked up once for all workers, which holds up no other command."""
        known = (await self.made(address, name, weight, addresses)).addresses
        return await self._done_by_all("add", super().add)(address, name, weight, known)

    async def readdress(self, name: str, address: str, addresses: Sequence[str] = ()) -> dict[str, Any]:
        """As of a single process, and looked up once, too."""
        known = (await self.made(address, self._find(name).name, 1, addresses)).addresses
        return await self._done_by_all("readdress", super().readdress)(name, address, known)

    async def remove(self, name: str, wait: bool = False) -> dict[str, Any]:
        """As of a single process. Waiting holds up no other command."""
        known = self._find(name).name
        answer = await self._done_by_all("remove", super().remove)(known)
        if wait:
            await self._workers.tell("removed", within=PATIENCE + 1, name=known)
            answer["in_flight"] = 0
        return answer

    async def exchange(self, come: Sequence[Sequence[Any]], go: Sequence[str]) -> dict[str, Any]:
        return await self._done_by_all("exchange", super().exchange)(come, go)

    async def state(self) -> dict[str, Any]:
        return await self._workers.state(self._address)

    async def explain(self, request: str, client: str) -> dict[str, Any]:
        """As the first worker would decide: each has turns, connections and health checks of its own."""
        require(str, request=request, client=client)
        answers = await self._workers.tell("explain", request=request, client=client)
        if not answers:
            raise ControlError("no worker is there just now; ask again")
        worker = row("worker", f"the first of {len(answers)}; each has turns and health checks of its own")
        return {**answers[0], "lines": worker + answers[0]["lines"]}

    async def listen(self, state: bool = False) -> AsyncIterator[str]:
        """Every event of every worker, from this call on. `state` is that of a moment before: it has no moment that is
        the same for all workers."""
        require(bool, state=state)
        events = self._balancer.feed.subscribe(self.told(await self.state()) if state else "")
        await self._workers.listen()
        return events
