"""A shop on a real socket in this process, and a browser that keeps one cookie."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from servers.app import make_app
from servers.config import ServerConfig
from servers.orders import Orders
from servers.stores.base import Store
from servers.stores.memory import MemoryStore

JSON = {"Accept": "application/json"}
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def page(self) -> dict[str, Any]:
        page: dict[str, Any] = json.loads(self.body)
        return page

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def outcome(self) -> str | None:
        outcome: str | None = self.headers.get("Session-Outcome")
        return outcome


@dataclass
class Browser:
    url: str
    http: aiohttp.ClientSession
    cookie: str | None = None
    accept: dict[str, str] = field(default_factory=lambda: JSON)

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        headers = {**self.accept, **options.pop("headers", {})}
        if self.cookie is not None:
            headers["Cookie"] = f"session_id={self.cookie}"
        async with self.http.request(
            method, self.url + path, headers=headers, allow_redirects=False, **options
        ) as response:
            answer = Answer(response.status, response.headers.copy(), await response.read())
        for value in answer.headers.getall("Set-Cookie", ()):
            cookie = re.match(r"session_id=([^;]*)", value)
            assert cookie, value
            self.cookie = None if "Max-Age=0" in value else cookie[1]
        return answer

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, fields: dict[str, str] | None = None, **options: Any) -> Answer:
        return await self.ask("POST", path, data=fields or {}, **options)

    async def log_in(self, name: str = "ravi", **fields: str) -> Answer:
        return await self.post("/login", {"username": name, "password": f"wristband-{name}", **fields})


Open = Callable[..., Awaitable[Browser]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
async def open_shop(clock: Clock, http: aiohttp.ClientSession) -> AsyncIterator[Open]:
    """`await open_shop(store=..., on_unknown=...)`: a server of its own, and a browser in front of it."""
    runners: list[web.AppRunner] = []

    async def open(store: Store | None = None, **settings: Any) -> Browser:
        config = ServerConfig(**settings)
        app = make_app(config, store or MemoryStore(clock), Orders(config.shop), clock)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        return Browser(f"http://{host}:{port}", http)

    yield open
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def browser(open_shop: Open) -> Browser:
    return await open_shop()
