"""Balancers and backends as processes, for faults that only a process has: it is killed, stopped, busy, or too big."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any, Self

from servers.control import call

BACKENDS = Path(__file__).parent / "backends"
PATIENCE = 30.0
"""Seconds in which a process must be ready."""


class Processes:
    """The processes of one test: they end with it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lab-", dir="/tmp")
        self.folder = Path(self._folder.name)
        self.control = self.folder / "balancer.sock"
        self._errors = Path(self._folder.name) / "errors"
        self.started: list[Process] = []
        self._followers: list[int] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        for pidfd in self._followers:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGTERM)
            await ended(pidfd)
        for process in self.started:
            await process.wait()
        sys.stderr.write(self.said())
        self._folder.cleanup()

    async def launch(self, *command: str) -> Process:
        with self._errors.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=errors)
        self.started.append(process)
        return process

    def said(self) -> str:
        """What all of them have written to stderr."""
        return self._errors.read_text() if self._errors.exists() else ""

    async def start(self, *command: str) -> tuple[Process, str]:
        """A process, and the line by which it says that it is ready."""
        process = await self.launch(*command)
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            return process, (await process.stdout.readline()).decode().strip()

    async def backend(self, script: str, *options: str) -> tuple[Process, str]:
        """A process of one of the scripts in backends/, and its address."""
        program = "node" if script.endswith(".js") else sys.executable
        process, port = await self.start(program, str(BACKENDS / script), *options)
        return process, f"127.0.0.1:{port}"

    async def balancer(
        self, *addresses: str, options: tuple[str, ...] = (), within: tuple[str, ...] = ()
    ) -> tuple[Process, tuple[str, int]]:
        """A balancer in front of these addresses, each perhaps with a NAME=. `within`: a command that starts it."""
        backends = [word for address in addresses for word in ("--backend", address)]
        process, line = await self.start(
            *within, sys.executable, "-m", "balancer", "--listen", "127.0.0.1:0", "--control", str(self.control),
            *backends, *options,
        )  # fmt: skip
        host, _, port = line.rpartition("/")[2].rpartition(":")
        return process, (host, int(port))

    async def restart(self) -> int:
        """A graceful restart; the process ID of the balancer that follows, which ends with the test, too."""
        pid: int = (await self.tell("restart"))["pid"]
        self.ends_with_us(pid)
        return pid

    def ends_with_us(self, pid: int) -> None:
        """This process, which somebody else has started, is told to end when the test is over."""
        self._followers.append(os.pidfd_open(pid))

    async def tell(self, command: str, **words: Any) -> dict[str, Any]:
        """One command to the balancer."""
        answer: dict[str, Any] = await call(self.control, command, **words)
        return answer


async def ended(pidfd: int) -> None:
    """Return when that process has ended, which need not be a child of ours; closes the descriptor."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(pidfd, over.set)
    try:
        async with asyncio.timeout(PATIENCE):
            await over.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)


async def exit_code(process: Process) -> int:
    """Of a balancer that has been followed. Process.wait() would wait for its pipes, too, which the follower has."""
    await ended(os.pidfd_open(process.pid))
    while process.returncode is None:  # noqa: ASYNC110 - asyncio's own watcher is about to be told
        await asyncio.sleep(0)
    return process.returncode
