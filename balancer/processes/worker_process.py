"""One worker of `--workers N`, as its parent sees it: started, spoken to, ended."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from balancer.processes.standing import State
from servers.control import ControlError, call

PATIENCE = 5.0
"""Seconds within which a worker answers a command."""


@dataclass(eq=False)
class WorkerProcess:
    number: int
    process: Process
    path: Path
    """Of its control socket."""
    lifeline: socket.socket
    """The other end of its standard input: it says there that it can be told something, and ends when this is closed.
    Its stdout is ours: the access log may go there."""
    state: State = field(default_factory=dict)
    """As of the last look."""
    listening: "asyncio.Task[None] | None" = None

    @classmethod
    async def start(cls, number: int, path: Path, descriptors: Sequence[int]) -> Self:
        """`descriptors` stay open for it. Raises OSError."""
        lifeline, theirs = socket.socketpair()
        lifeline.setblocking(False)
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "balancer.processes.worker", str(path),
                    stdin=theirs.fileno(), pass_fds=descriptors, start_new_session=True,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                )  # fmt: skip
        except BaseException:
            lifeline.close()
            raise
        return cls(number, process, path, lifeline)

    async def is_there(self) -> bool:
        """Return once it listens at its control socket; False: it has ended before."""
        return bool(await asyncio.get_running_loop().sock_recv(self.lifeline, 16))

    async def told(self, do: str, within: float = PATIENCE, **arguments: Any) -> State | None:
        """Its answer; None: it has ended, and its successor will know. Raises ControlError."""
        try:
            async with asyncio.timeout(within):
                return await call(self.path, do, **arguments)
        except TimeoutError:
            raise ControlError(
                f"worker {self.number} has not confirmed within {within:g} s; the others have done it. It will when it"
                f" goes on, or its successor: kill -9 {self.process.pid}"
            ) from None
        except ControlError:
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.process.wait()
                    return None
            raise

    async def how_it_ended(self) -> str:
        """Once it has."""
        code = await self.process.wait()
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    async def kill(self) -> None:
        """Whatever it does; then nothing is left of it."""
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        self.bury()

    def bury(self) -> None:
        """It has ended."""
        self.lifeline.close()
        self.path.unlink(missing_ok=True)
