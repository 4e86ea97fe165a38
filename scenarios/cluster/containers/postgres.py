"""PostgreSQL for a lab in containers: the official image, or one with its interface (POSTGRES_IMAGE)."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import docker
from docker.types import Mount

from scenarios.cluster.containers.calls import to_its_end
from scenarios.cluster.containers.container import ContainerChild
from scenarios.cluster.containers.engine import LABEL, TROUBLE, said
from scenarios.cluster.postgres_server import SETTINGS
from scenarios.cluster.programs import end, last_words
from scenarios.errors import LabError

READY_WITHIN = 120.0  # seconds; the first start makes the database
ASK_AGAIN = 0.1
HOME = "/var/lib/postgresql"
SOCKETS = "/var/run/postgresql"
"""Both belong to user postgres in the image, and so do volumes that are mounted there; a tmpfs would be root's."""
ENVIRON = {
    "POSTGRES_USER": "lab", "POSTGRES_DB": "lab", "PGDATA": f"{HOME}/lab",
    "POSTGRES_HOST_AUTH_METHOD": "trust",  # only the lab's network reaches it: there is no password to keep
}  # fmt: skip

Run = Callable[[str, list[str], dict[str, Any]], Awaitable[ContainerChild]]


class PostgresContainer:
    """Implements `StoreServer`. The servers find it by its name on the lab's network; what it holds is in a volume,
    which outlives an outage and goes with the lab."""

    external = False
    url = "postgresql://lab@postgres/lab"

    def __init__(self, folder: Path, engine: docker.DockerClient, network: str, run: Run) -> None:
        self._folder = folder
        self._engine = engine
        self._network = network
        self._run = run
        self._running: ContainerChild | None = None

    def __repr__(self) -> str:
        return f"<PostgresContainer {'running' if self._running else 'stopped'}>"

    async def start(self) -> None:
        if self._running:
            return
        try:
            await to_its_end(asyncio.to_thread(self._volume))
        except TROUBLE as failure:
            raise LabError(said(failure)) from None
        settings = [part for setting in SETTINGS if not setting.startswith("listen_") for part in ("-c", setting)]
        running = await self._run("postgres", ["postgres", *settings], self._options())
        try:
            await self._until_ready(running)
        except BaseException:
            await end(running, signal.SIGKILL, 3.0)
            raise
        self._running = running

    async def stop(self, keep: bool = False) -> None:
        """Also without `keep` the volume stays until the lab ends."""
        running, self._running = self._running, None
        if running is not None:
            await end(running, signal.SIGINT, 5.0)  # fast shutdown: drops the clients, writes everything down

    async def pause(self) -> None:
        if self._running:
            await self._running.signal(signal.SIGSTOP)

    async def resume(self) -> None:
        if self._running:
            await self._running.signal(signal.SIGCONT)

    @property
    def _volume_name(self) -> str:
        return f"{self._network}-postgres"

    def _volume(self) -> None:
        self._engine.volumes.create(self._volume_name, labels={LABEL: str(self._folder)})

    def _options(self) -> dict[str, Any]:
        """As user postgres of its image, because PostgreSQL refuses to be root, and with nothing of this machine's."""
        return {
            "user": "postgres",
            "environment": ENVIRON,
            "mounts": [Mount(HOME, self._volume_name, type="volume"), Mount(SOCKETS, None, type="volume")],
        }

    async def _until_ready(self, running: ContainerChild) -> None:
        """It listens on TCP only when the database is made."""
        deadline = time.monotonic() + READY_WITHIN
        while not await asyncio.to_thread(self._answers, running):
            if running.ended.done():
                raise LabError(f"PostgreSQL ended at once: {last_words(self._folder / 'postgres.log')}")
            if time.monotonic() > deadline:
                raise LabError(f"PostgreSQL did not answer within {READY_WITHIN:.0f} s: is POSTGRES_IMAGE one?")
            await asyncio.sleep(ASK_AGAIN)

    def _answers(self, running: ContainerChild) -> bool:
        assert running.container is not None
        try:
            code, _ = running.container.exec_run(["pg_isready", "-q", "-h", "127.0.0.1", "-U", "lab"])
        except TROUBLE:
            return False  # it has ended
        return bool(code == 0)
