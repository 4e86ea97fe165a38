"""The logbooks that servers share. A store server is started when it is first needed, and stays."""

import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path

from scenarios.cluster.postgres_server import PostgresServer
from scenarios.cluster.programs import Launch
from scenarios.cluster.redis_server import RedisServer
from scenarios.errors import LabError
from servers.stores import STORES


def check_store(store: str) -> None:
    """Raises LabError for a store that does not exist."""
    if store not in STORES:
        close = get_close_matches(store, STORES, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(STORES)}"
        raise LabError(f"unknown store {store!r}: {hint}")


class SharedStores:
    def __init__(self, folder: Path, launch: Launch, environ: Mapping[str, str] = os.environ) -> None:
        self._file = folder / "sessions.db"
        self._servers: dict[str, RedisServer | PostgresServer] = {}
        self._make: dict[str, Callable[[], RedisServer | PostgresServer]] = {
            "redis": lambda: RedisServer(folder, launch, environ),
            "postgres": lambda: PostgresServer(folder, launch, environ),
        }

    async def url(self, store: str) -> str:
        """What a server needs to open this store, which answers from now on. Raises LabError."""
        check_store(store)
        if store == "memory":
            return ""
        if store == "sqlite":
            return str(self._file)
        if store not in self._servers:
            server = self._make[store]()
            await server.start()
            self._servers[store] = server
        return self._servers[store].url

    async def stop(self, store: str, hang: bool) -> None:
        """Take the store away; what it holds survives.

        "Redis stopped" means refused connections, so its process really ends: it writes its data down, and the
        next start reads them back, as a production Redis with persistence does. A frozen process (SIGSTOP) is
        another fault: connections succeed and requests hang until a timeout; `hang` asks for that one.
        """
        server = self._server(store)
        await (server.pause() if hang else server.stop(keep=True))

    async def start(self, store: str) -> None:
        server = self._server(store)
        await server.resume()
        await server.start()

    async def close(self) -> None:
        """End the store servers that are ours."""
        for server in self._servers.values():
            if not server.external:
                await server.stop()

    def _server(self, store: str) -> RedisServer | PostgresServer:
        if store not in self._servers:
            raise LabError(f"the {store} store is no server that could be stopped: switch to redis or postgres first")
        return self._servers[store]
