"""The logbooks that servers share. A store server is started when it is first needed, and stays."""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from scenarios.cluster.children import Child, Children
from scenarios.cluster.relay import plan
from scenarios.cluster.store_server import StoreServer
from scenarios.errors import LabError
from scenarios.nearest import nearest
from servers.stores import STORES

READY_WITHIN = 5.0


def check_store(store: str) -> None:
    """Raises LabError for a store that does not exist."""
    if store not in STORES:
        close = nearest(store, list(STORES))
        hint = f"did you mean {close!r}?" if close else f"choose one of {', '.join(STORES)}"
        raise LabError(f"unknown store {store!r}: {hint}")


class SharedStores:
    """The shared logbooks of one lab; `environ` may name the user's own servers."""

    def __init__(self, folder: Path, children: Children, environ: Mapping[str, str] = os.environ) -> None:
        self._folder = folder
        self._children = children
        self._servers: dict[str, StoreServer] = {}
        self._relay: Child | None = None
        self._through: dict[str, str] = {}  # the store behind the relay -> its URL there
        self._make: dict[str, Callable[[], StoreServer]] = {
            "redis": lambda: children.redis(environ),
            "postgres": lambda: children.postgres(environ),
        }

    async def url(self, store: str) -> str:
        """What a server needs to open this store, which answers from now on. Raises LabError."""
        check_store(store)
        if store == "memory":
            return ""
        if store == "sqlite":
            file = self._folder / "sessions.db"
            return str(file)
        if store not in self._servers:
            server = self._make[store]()
            await server.start()
            self._servers[store] = server
        return self._through.get(store) or self._servers[store].url

    def direct(self, store: str) -> str:
        """The same without the detour."""
        return self._server(store).url

    async def detour(self, store: str) -> str | None:
        """The URL of this store through a relay of ours when the store is the user's own; None when it is ours."""
        server = self._server(store)
        if not server.external:
            return None
        _, through = plan(server.url, self._folder)
        await self._start_relay(server.url)
        self._through = {store: through}
        return through

    @property
    def on_detour(self) -> bool:
        return self._relay is not None

    async def stop(self, store: str, hang: bool) -> None:
        """Take the store away; what it holds survives.

        "Redis stopped" means refused connections, so its process really ends: it writes its data down, and the
        next start reads them back, as a production Redis with persistence does. A frozen process (SIGSTOP) is
        another fault: connections succeed and requests hang until a timeout; `hang` asks for that one.
        """
        server = self._server(store)
        if self._relay is not None:
            await self._relay.signal(signal.SIGSTOP if hang else signal.SIGKILL)
            if not hang:
                await self._relay.wait()
            return
        await (server.pause() if hang else server.stop(keep=True))

    async def start(self, store: str) -> None:
        server = self._server(store)
        if self._relay is not None:
            await self._relay.signal(signal.SIGCONT)
            await self._start_relay(server.url)
            return
        await server.resume()
        await server.start()

    async def end_detour(self) -> None:
        """To be called when no server uses the relay any more."""
        relay, self._relay = self._relay, None
        self._through = {}
        if relay is not None:
            await relay.end(signal.SIGKILL, 1.0)

    async def close(self) -> None:
        """End the store servers that are ours."""
        for server in self._servers.values():
            if not server.external:
                await server.stop()

    async def _start_relay(self, url: str) -> None:
        if self._relay is not None and not self._relay.ended.done():
            return
        config, _ = plan(url, self._folder)
        self._relay = self._children.fork("relay", "relay", config)
        await self._relay.until_ready(self._folder / "relay.log", READY_WITHIN)

    def _server(self, store: str) -> StoreServer:
        if store not in self._servers:
            raise LabError(f"the {store} store is no server that could be stopped: switch to redis or postgres first")
        return self._servers[store]
