"""`Children` of this machine: the lab's side of the nursery, which starts and ends processes."""

import asyncio
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import scenarios
from scenarios.cluster.children import Child, settle
from scenarios.cluster.nursery import wipe
from scenarios.cluster.postgres_server import PostgresServer
from scenarios.cluster.programs import Program, Running, children_of, find_program, wait_for_pidfd
from scenarios.cluster.redis_server import RedisServer
from scenarios.cluster.store_server import StoreServer
from scenarios.errors import LabError
from servers.control import ControlError, call

ANSWERS_WITHIN = 5.0
GONE = "the lab's processes have ended; stop this lab and start it again"


class NurseryChild(Child):
    """One process under the nursery."""

    def __init__(self, key: int, name: str, children: "NurseryChildren") -> None:
        super().__init__(key, name)
        self._children = children

    async def signal(self, number: int) -> None:
        self._children.tell({"do": "signal", "key": self.key, "number": int(number)})

    async def disconnect(self, control: Path) -> None:
        await self._told(control, "partition")

    async def reconnect(self, control: Path) -> None:
        await self._told(control, "reconnect")

    async def _told(self, control: Path, do: str) -> None:
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                await call(control, do)
        except TimeoutError:
            raise LabError(f"{self.name} does not answer: restart it (lab restart {self.name})") from None
        except ControlError as refusal:
            raise LabError(f"{self.name}: {refusal}") from None


class NurseryChildren:
    """The nursery and everything it started. Use `await NurseryChildren.start(...)`."""

    ready_within = 20.0

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self._folder = folder
        self._process = process
        self._keys = itertools.count(1)
        self._children: dict[int, NurseryChild] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._held: list[socket.socket] = []

    @classmethod
    async def start(cls, folder: Path, keep: Sequence[int] = ()) -> "NurseryChildren":
        """`keep`: descriptors that the nursery holds open as long as it lives (the lab's lock)."""
        ours, theirs = socket.socketpair()
        with theirs:
            children = cls(folder, start_nursery(theirs.fileno(), folder, keep))
        try:
            reader, children._writer = await asyncio.open_connection(sock=ours)
        except BaseException:  # Ctrl-C, most likely
            ours.close()
            await children.stop()
            raise
        children._listening = asyncio.create_task(children._listen(reader))
        return children

    @property
    def alive(self) -> bool:
        return self._listening is not None and not self._listening.done()

    @property
    def pid(self) -> int:
        return self._process.pid

    def fork(self, kind: str, name: str, config: dict[str, Any]) -> Child:
        child = self._expect(name)
        self.tell({"do": "fork", "key": child.key, "kind": kind, "name": name, "config": config})
        return child

    async def launch(self, program: Program) -> Running:
        child = self._expect(program.name)
        self.tell({"do": "launch", "key": child.key, "program": asdict(program)})
        await child.started
        return child

    def redis(self, environ: Mapping[str, str]) -> StoreServer:
        return RedisServer(self._folder, self.launch, environ)

    def postgres(self, environ: Mapping[str, str]) -> StoreServer:
        return PostgresServer(self._folder, self.launch, environ)

    def find(self, program: str, package: str) -> str:
        if found := find_program(program):
            return found
        raise LabError(f"no {program} here: install it ({package}), or choose --balancer ours")

    def open_port(self, wanted: str) -> str:
        """The lab holds the port meanwhile, without listening, so that nobody else is given it."""
        host, _, port = wanted.rpartition(":")
        held = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.append(held)
        try:
            held.bind((host.strip("[]"), int(port)))
        except OSError:
            raise LabError(f"port {port} on {host} is taken: choose another --port, or 0 for any free one") from None
        return f"{host}:{held.getsockname()[1]}"

    async def reached(self, running: Running, listening: str) -> str:
        return listening

    async def workers(self, running: Running) -> set[int]:
        return children_of(running.pid)

    def tell(self, message: dict[str, Any]) -> None:
        if self._writer is None or not self.alive:
            if message["do"] != "signal":  # those who are gone need no signal
                raise LabError(GONE)
            return
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def stop(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._process.poll() is None:
            self._process.terminate()  # it would read the end of the stream, but perhaps it is still importing
            await wait_for_pidfd(self._process.pid)
        self._process.wait()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait({self._listening})
        for held in self._held:
            held.close()
        if self._folder.exists():  # the nursery itself was killed
            await asyncio.to_thread(wipe, self._folder)

    def _expect(self, name: str) -> NurseryChild:
        key = next(self._keys)
        child = self._children[key] = NurseryChild(key, name, self)
        return child

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._hear(json.loads(line))
        except ConnectionError:
            pass
        finally:
            for child in self._children.values():
                settle(child.started, LabError(GONE))
                settle(child.ended, -signal.SIGKILL)

    def _hear(self, message: dict[str, Any]) -> None:
        child = self._children[message["key"]]
        if "started" in message:
            child.pid = message["started"]
            settle(child.started, None)
        elif "ready" in message:
            settle(child.ready, message["ready"])
        elif "refused" in message:
            settle(child.started, LabError(message["refused"]))
            del self._children[message["key"]]
        else:
            settle(child.ended, message["ended"])
            del self._children[message["key"]]


def start_nursery(descriptor: int, folder: Path, keep: Sequence[int]) -> subprocess.Popen[bytes]:
    """A fresh interpreter (never a fork of ours: we have a loop and threads) in a session of its own."""
    home = str(Path(scenarios.__file__).parents[1])
    path = os.pathsep.join(part for part in (home, os.environ.get("PYTHONPATH", "")) if part)
    # -P: a file redis.py in the user's current folder must not be imported for the library
    argv = [sys.executable, "-P", "-m", "scenarios.cluster.nursery", str(descriptor), str(folder)]
    with open(folder / "nursery.log", "ab") as log:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(descriptor, *keep),
            start_new_session=True, env=os.environ | {"PYTHONPATH": path},
        )  # fmt: skip
