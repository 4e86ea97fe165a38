"""What a cluster asks of whatever starts and ends its processes: a nursery of this machine, or a Docker Engine."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from scenarios.cluster.programs import Program, Running, end, last_line
from scenarios.cluster.store_server import StoreServer
from scenarios.errors import LabError


class Child(ABC):
    """One process of the cluster. `ended` holds its exit status, or minus the signal that ended it."""

    def __init__(self, key: int, name: str) -> None:
        loop = asyncio.get_running_loop()
        self.key = key
        self.name = name
        self.pid = 0
        self.started: asyncio.Future[None] = loop.create_future()
        self.ready: asyncio.Future[str] = loop.create_future()
        self.ended: asyncio.Future[int] = loop.create_future()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} pid={self.pid}{' ended' if self.ended.done() else ''}>"

    @abstractmethod
    async def signal(self, number: int) -> None:
        """Send a signal; one that has ended already is left alone."""

    @abstractmethod
    async def disconnect(self, control: Path) -> None:
        """Take a server off its network; `control` is its control socket. Raises LabError."""

    @abstractmethod
    async def reconnect(self, control: Path) -> None:
        """Undo `disconnect`: it has the same address again, and connections that were open go on. Raises LabError."""

    async def wait(self) -> int:
        return await asyncio.shield(self.ended)

    async def end(self, number: int, patience: float) -> None:
        """Ask with `number`; SIGKILL after `patience` seconds."""
        await end(self, number, patience)

    async def until_ready(self, log: Path, within: float) -> str:
        """The address it listens on. Raises LabError with the last line of its log when it ends instead."""
        ends: set[asyncio.Future[Any]] = {self.ready, self.ended}
        await asyncio.wait(ends, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        if self.ready.done():
            return self.ready.result()
        if self.ended.done():
            raise LabError(last_line(log))
        raise LabError(f"{self.name} was not ready within {within:.0f} s: see {log}")


class Children(Protocol):
    """All of them. Implemented by NurseryChildren and Containers."""

    ready_within: float
    """Seconds that a server or the balancer may take to be ready."""

    @property
    def pid(self) -> int:
        """Of the process that started them; 0: there is none."""

    def fork(self, kind: str, name: str, config: dict[str, Any]) -> Child:
        """Begin to start a server, a relay or the balancer; `until_ready` of the answer waits for it."""

    async def launch(self, program: Program) -> Running:
        """The lab's `Launch`. Raises LabError when the program cannot be executed."""

    def redis(self, environ: Mapping[str, str]) -> StoreServer:
        """A Redis of the lab's own, not yet started, or the user's."""

    def postgres(self, environ: Mapping[str, str]) -> StoreServer:
        """A PostgreSQL of the lab's own, not yet started."""

    def find(self, program: str, package: str) -> str:
        """The path of a program, for `launch`. Raises LabError when it is not installed."""

    def open_port(self, wanted: str) -> str:
        """HOST:PORT for a program that cannot say which port it got: it is to listen there with SO_REUSEPORT.
        Raises LabError when the port is taken."""

    async def reached(self, running: Running, listening: str) -> str:
        """Where people reach a program that listens there."""

    async def workers(self, running: Running) -> set[int]:
        """The processes that a program has started itself; none of one that has ended."""

    async def stop(self) -> None:
        """End what still runs and remove the lab's folder. Returns when nothing is left."""


def settle(future: asyncio.Future[Any], outcome: Any) -> None:
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
        future.exception()  # not everybody asks: no complaint about that when it is collected
    else:
        future.set_result(outcome)
