"""A detour to the user's own store, so that it can be taken away from the lab without being stopped.

The lab may not stop a Redis it did not start: others may use it. For an outage its servers are moved to this relay,
a process of the lab's between them and the store, and the relay is stopped instead.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from scenarios.errors import LabError

PORTS = {"redis": 6379, "postgres": 5432, "postgresql": 5432}
CHUNK = 65536


def plan(url: str, folder: Path) -> tuple[dict[str, Any], str]:
    """(the relay's configuration, the URL of the same store through it).

    Raises LabError for a store over TLS, whose certificate would not name the relay.
    """
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.scheme not in (*PORTS, "unix") or query.get("sslmode", "disable") not in ("disable", "allow", "prefer"):
        raise LabError("an outage of your own store is not possible over TLS: unset its URL to let the lab start one")
    user = parts.netloc.rpartition("@")[0]
    login = f"{user}@" if user else ""
    if parts.scheme.startswith("postgres"):
        host, port = parts.hostname or query.get("host", "127.0.0.1"), parts.port or int(query.get("port", 5432))
        target = {"path": f"{host}/.s.PGSQL.{port}"} if host.startswith("/") else {"host": host, "port": port}
        query = {**query, "host": str(folder), "port": "5432", "sslmode": "disable"}
        through = f"{parts.scheme}://{login}{parts.path}?{urlencode(query, safe='/')}"
        return {"listen": str(folder / ".s.PGSQL.5432"), **target}, through
    listen = str(folder / "relay.sock")
    if parts.scheme == "unix":
        return {"listen": listen, "path": parts.path}, f"unix://{login}{listen}?{parts.query}"
    query = {"db": parts.path.strip("/") or "0", **query}
    target = {"host": parts.hostname or "127.0.0.1", "port": parts.port or PORTS["redis"]}
    return {"listen": listen, **target}, f"unix://{login}{listen}?{urlencode(query)}"


def run(config: dict[str, Any], on_ready: Callable[[str], None]) -> None:
    """Relay until the end of the process. `config`: listen (a Unix socket) and host with port, or path."""
    Path(config["listen"]).unlink(missing_ok=True)  # left by the one before, which was killed
    asyncio.run(relay(config, on_ready))


async def relay(config: dict[str, Any], on_ready: Callable[[str], None]) -> None:
    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if path := config.get("path"):
                there = await asyncio.open_unix_connection(path)
            else:
                there = await asyncio.open_connection(config["host"], config["port"])
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    server = await asyncio.start_unix_server(pass_on, config["listen"])
    on_ready(config["listen"])
    await server.serve_forever()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
