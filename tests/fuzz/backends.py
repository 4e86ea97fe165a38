"""Servers as people run them, each of which tells what requests it has seen: http.server, node, nginx, aiohttp."""

import asyncio
import json
import logging
import os
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.fuzz.llhttp import NODE

SERVERS = Path(__file__).parent / "servers"
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
REFUSALS = frozenset({400, 405, 414, 431, 501, 502, 505})
"""Statuses of a server (or, 502, of the balancer in its place) that would not take what it got for a request."""
Request = tuple[bytes, bytes, bytes]
"""Method, target and body, as the server saw them."""


@dataclass
class Backend:
    port: int
    seen: Callable[[], list[Request]]
    """The requests it has taken so far, in order; not those that it refuses."""


class Told(BaseHTTPRequestHandler):
    """Python's http.server, with bodies as RFC 9112 has them: it reads none itself."""

    protocol_version = "HTTP/1.1"
    told: list[Request]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # any method
            return self.answer
        raise AttributeError(name)

    def answer(self) -> None:
        body = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
        elif "Content-Length" in self.headers:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        target = self.requestline.split(" ")[1]  # `path` has lost a slash where there were two
        self.told.append((self.command.encode("latin-1"), target.encode("latin-1"), body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@asynccontextmanager
async def http_server(folder: Path) -> AsyncIterator[Backend]:
    told: list[Request] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Telling", (Told,), {"told": told}))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # half a request, and the balancer gone
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Backend(server.server_port, lambda: told)
    finally:
        await asyncio.to_thread(server.shutdown)
        thread.join()
        server.server_close()


@asynccontextmanager
async def aiohttp_server(folder: Path) -> AsyncIterator[Backend]:
    told: list[Request] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        body = await request.read()
        told.append((request.method.encode(), request.raw_path.encode("latin-1"), body))
        return web.Response(text="ok")

    quiet = logging.getLogger("tests.fuzz.aiohttp")
    quiet.disabled = True  # it tells of each request that it refuses
    long = {"max_line_size": 64 * 1024, "max_field_size": 64 * 1024}
    server = web.Server(answer, access_log=None, logger=quiet, auto_decompress=False, **long)
    sock = socket.create_server(("127.0.0.1", 0))
    listening = await asyncio.get_running_loop().create_server(server, sock=sock)
    try:
        yield Backend(sock.getsockname()[1], lambda: told)
    finally:
        listening.close()
        await server.shutdown(0)


@asynccontextmanager
async def node_server(folder: Path) -> AsyncIterator[Backend]:
    assert NODE is not None
    process = await asyncio.create_subprocess_exec(NODE, str(SERVERS / "node.js"), stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    told: list[Request] = []

    async def listen(lines: asyncio.StreamReader) -> None:
        async for line in lines:
            method, target, body = (text.encode("latin-1") for text in json.loads(line))
            told.append((method, target, body))

    port = int(await process.stdout.readline())
    listening = asyncio.create_task(listen(process.stdout))
    try:
        yield Backend(port, lambda: told)
    finally:
        process.kill()
        await process.wait()
        await listening


@asynccontextmanager
async def nginx_server(folder: Path) -> AsyncIterator[Backend]:
    """It inherits its socket, listening already, so that nobody has to wait until it does or to guess a free port."""
    assert NGINX is not None
    log = folder / "seen.log"
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        config = (SERVERS / "nginx.conf").read_text().replace("@FOLDER@", str(folder)).replace("@PORT@", str(port))
        # Its worker may have to leave root behind, and could not enter the folder then.
        config = config.replace("@USER@", "user root;" if os.geteuid() == 0 else "")
        (folder / "nginx.conf").write_text(config)
        process = await asyncio.create_subprocess_exec(
            NGINX, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"),
            pass_fds=[sock.fileno()], env={"NGINX": f"{sock.fileno()};"},
        )  # fmt: skip

    def seen() -> list[Request]:
        told = [json.loads(line) for line in log.read_text("latin-1").split("\n")[:-1]] if log.exists() else []
        return [
            (method.encode("latin-1"), target.encode("latin-1"), body.encode("latin-1"))
            for method, target, body, status in told
            if int(status) not in REFUSALS
        ]

    try:
        yield Backend(port, seen)
    finally:
        process.terminate()  # and its worker with it
        await process.wait()


BACKENDS: dict[str, Callable[[Path], AbstractAsyncContextManager[Backend]]] = {
    "http.server": http_server,
    "aiohttp": aiohttp_server,
    "node": node_server,
    "nginx": nginx_server,
}
MISSING = {"node": NODE is None, "nginx": NGINX is None}
