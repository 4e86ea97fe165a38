"""`Children` as containers, one each, on a Docker Engine.

The lab's folder is mounted into every container at its own path, so control sockets, logs, the store's socket and the
shop's orders work as they do without containers; users and servers meet over the engine's network.
"""

import asyncio
import itertools
import json
import os
import signal
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import docker
from docker.errors import DockerException
from docker.models.containers import Container
from docker.types import Mount

from scenarios.cluster.children import settle
from scenarios.cluster.containers.calls import abandoned, to_its_end
from scenarios.cluster.containers.container import ContainerChild
from scenarios.cluster.containers.engine import LABEL, TROUBLE, engine, remove, remove_killed, said
from scenarios.cluster.containers.image import IMAGES, have, image, say
from scenarios.cluster.containers.inside import WORDS
from scenarios.cluster.containers.network import EngineNetwork
from scenarios.cluster.containers.postgres import PostgresContainer
from scenarios.cluster.nursery import wipe
from scenarios.cluster.programs import Program, Running
from scenarios.cluster.redis_server import RedisServer
from scenarios.errors import LabError

PORTS = {"server": 8001, "balancer": 8080, "relay": 8001}
ADMIN_PORT = 9100
INSIDE = ("python3", "-m", "scenarios.cluster.containers.inside")
INTO_LOG = 'exec "$@" >>"$0" 2>&1'
HELD: dict[str, Any] = {
    "read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"], "tmpfs": {"/tmp": ""},
}  # fmt: skip


def publish(listen: str, inside: int = PORTS["balancer"]) -> dict[str, tuple[str, int | None]]:
    """A port of the balancer's container, opened on this machine at HOST:PORT; port 0 is any free one."""
    host, _, port = listen.rpartition(":")
    return {f"{inside}/tcp": (host, int(port) or None)}


class Containers:
    """Use `await Containers.start(...)`."""

    pid = 0  # there is no nursery
    ready_within = 120.0  # each container starts an interpreter of its own, all of them at once

    def __init__(self, folder: Path, engine: docker.DockerClient, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._engine = engine
        self._environ = environ
        self.image = ""
        self.network: EngineNetwork
        self._keys = itertools.count(1)
        self._children: dict[int, ContainerChild] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._words: asyncio.Server | None = None
        self._stopping = False
        self._last_resort = weakref.finalize(self, remove, engine, str(folder))  # also when the interpreter ends

    @classmethod
    async def start(cls, folder: Path, environ: Mapping[str, str] = os.environ) -> "Containers":
        """Raises LabError: no engine, no image, or a name that others have."""
        containers = cls(folder, await asyncio.to_thread(engine, environ), environ)
        try:
            await asyncio.to_thread(remove_killed, containers._engine, folder.parent)
            await asyncio.to_thread(remove, containers._engine, str(folder))
            containers.image = await abandoned(image, containers._engine, containers._say, environ)
            containers.network = await to_its_end(asyncio.to_thread(EngineNetwork.create, containers._engine, folder))
            containers._words = await asyncio.start_unix_server(containers._hear, str(folder / WORDS))
        except TROUBLE as failure:
            await containers.stop()
            raise LabError(said(failure)) from None
        except BaseException:
            await containers.stop()
            raise
        return containers

    def fork(self, kind: str, name: str, config: dict[str, Any]) -> ContainerChild:
        child = self._expect(name)
        port = PORTS[kind]
        options: dict[str, Any] = {}
        if kind == "balancer":
            options = {"ports": publish(config["listen"])}
            if config.get("admin"):
                options["ports"] |= publish(config["admin"], ADMIN_PORT)
                config = {**config, "admin": f"0.0.0.0:{ADMIN_PORT}"}
        inside = json.dumps({**config, "listen": f"0.0.0.0:{port}"})
        words = [*INSIDE, str(child.key), kind, str(self._folder), name, inside]
        self._later(self._run(child, self.image, words, options))
        return child

    async def launch(self, program: Program) -> Running:
        """A program that is not the lab's, by the name it has in its own image. Raises LabError."""
        ports = publish(program.published) if program.published else {}
        words = ["-c", INTO_LOG, program.log, Path(program.argv[0]).name, *program.argv[1:]]
        return await self.run(program.name, words, {"entrypoint": ["sh"], "ports": ports})

    async def run(self, name: str, words: list[str], options: dict[str, Any]) -> ContainerChild:
        """One of IMAGES; the options are those of the Docker SDK. Raises LabError."""
        variable, usual = IMAGES[name]
        chosen = await abandoned(have, self._engine, self._environ.get(variable, usual), variable, self._say)
        child = self._expect(name)
        await self._run(child, chosen, words, options)
        await child.started  # raises what went wrong
        return child

    def redis(self, environ: Mapping[str, str]) -> RedisServer:
        """Whatever this machine has: the program of the image, which also those of Valkey know by this name."""
        return RedisServer(self._folder, self.launch, environ, "redis-server")

    def postgres(self, environ: Mapping[str, str]) -> PostgresContainer:
        return PostgresContainer(self._folder, self._engine, self.network.name, self.run)

    def find(self, program: str, package: str) -> str:
        """It is in the image."""
        return program

    def open_port(self, wanted: str) -> str:
        """In a container of its own every port is free."""
        return f"0.0.0.0:{PORTS['balancer']}"

    async def reached(self, running: Running, listening: str) -> str:
        assert isinstance(running, ContainerChild)
        return await asyncio.to_thread(self._address, running, listening)

    async def workers(self, running: Running) -> set[int]:
        """By the numbers that the engine's machine has for them."""
        assert isinstance(running, ContainerChild)
        assert running.container is not None
        with suppress(*TROUBLE):  # it has ended
            rows = (await asyncio.to_thread(running.container.top, ps_args="-eo pid"))["Processes"]
            return {int(row[0]) for row in rows} - {running.pid}
        return set()

    async def stop(self) -> None:
        await to_its_end(self._stop())

    async def _stop(self) -> None:
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._words is not None:
            self._words.close()
        try:
            await asyncio.to_thread(remove, self._engine, str(self._folder))
            self._last_resort.detach()
        except TROUBLE as failure:
            self._last_resort.detach()
            raise LabError(f"{said(failure)}; once it answers, clear up with: lab down --cluster docker") from None
        finally:
            for child in self._children.values():
                settle(child.ended, -signal.SIGKILL)
            self._engine.close()
            await asyncio.to_thread(wipe, self._folder)

    def _expect(self, name: str) -> ContainerChild:
        key = next(self._keys)
        child = self._children[key] = ContainerChild(key, name, self.network)
        return child

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, child: ContainerChild, image: str, words: list[str], options: dict[str, Any]) -> None:
        try:
            child.take_address()
            child.container = await to_its_end(asyncio.to_thread(self._create, child, image, words, options))
            child.pid = child.container.attrs["State"]["Pid"]
        except (LabError, *TROUBLE) as failure:
            refusal = failure if isinstance(failure, LabError) else LabError(said(failure))
            settle(child.started, refusal)
            settle(child.ready, refusal)
            settle(child.ended, -signal.SIGKILL)
            return
        settle(child.started, None)
        loop = asyncio.get_running_loop()
        Thread(target=self._wait, args=(child, loop), daemon=True).start()

    def _create(self, child: ContainerChild, image: str, words: list[str], options: dict[str, Any]) -> Container:
        if self._stopping:
            raise DockerException("the lab is being stopped")
        usual = {
            "name": f"{self.network.name}-{child.name}-{child.key}", "network": self.network.name, "init": False,
            "networking_config": self.network.at(child.host, child.name), "labels": {LABEL: str(self._folder)},
            "user": f"{os.getuid()}:{os.getgid()}",
            "mounts": [Mount(str(self._folder), str(self._folder), type="bind")], "healthcheck": {"test": ["NONE"]},
        }  # fmt: skip
        container: Container = self._engine.containers.run(image, words, detach=True, **{**usual, **HELD, **options})
        container.reload()
        return container

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A container tells that it is ready."""
        try:
            while line := await reader.readline():
                word = json.loads(line)
                child = self._children[word["key"]]
                with suppress(LabError, *TROUBLE):  # it has ended since, of which `ended` tells
                    await asyncio.shield(child.started)
                    settle(child.ready, await asyncio.to_thread(self._address, child, word["ready"]))
        finally:
            writer.close()

    def _address(self, child: ContainerChild, inside: str) -> str:
        """Where a container is reached: from this machine if it publishes a port, or else on the lab's network."""
        assert child.container is not None
        child.container.reload()
        settings = child.container.attrs["NetworkSettings"]
        port = inside.rpartition(":")[2]
        for published in settings["Ports"].get(f"{port}/tcp") or ():
            return f"{published['HostIp']}:{published['HostPort']}"
        return f"{settings['Networks'][self.network.name]['IPAddress']}:{port}"

    def _wait(self, child: ContainerChild, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread: until the container has ended, which is then removed; what it said stays in its log."""
        assert child.container is not None
        code = -signal.SIGKILL
        with suppress(*TROUBLE, OSError):
            code = int(child.container.wait()["StatusCode"])
            words = child.container.logs(tail=100)
            if words and not self._stopping:
                with open(self._folder / f"{child.name}.log", "ab") as log:
                    log.write(words)
            child.container.remove(force=True, v=True)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, child.ended, code)

    def _say(self, step: str) -> None:
        if not self._stopping:
            say(step)
