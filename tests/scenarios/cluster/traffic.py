"""Load for the cluster's tests: clients that never stop clicking, and what went wrong for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from scenarios.cluster.base import Cluster

MEMBER = {"username": "ravi", "password": "wristband-ravi"}
JSON = {"Accept": "application/json"}


@dataclass
class Load:
    answered: int = 0
    servers: set[str] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, answered: int) -> None:
        """Wait until this many more requests have been answered."""
        goal = self.answered + answered
        while self.answered < goal:
            self.more.clear()
            await self.more.wait()


@asynccontextmanager
async def load(
    url: str, clients: int = 8, method: str = "POST", path: str = "/login", cookies: bool = False
) -> AsyncIterator[Load]:
    """POST by default: nobody may send it twice, so a server that goes away too early is noticed."""
    seen = Load()
    stopping = asyncio.Event()

    async def click(http: aiohttp.ClientSession) -> None:
        while not stopping.is_set():
            try:
                data = MEMBER if method == "POST" else None
                async with http.request(method, url + path, data=data, headers=JSON) as answer:
                    await answer.read()
                    seen.servers.add(answer.headers.get("Served-By", ""))
                    if answer.status != 200:
                        seen.lost.append(f"{answer.status} from {answer.headers.get('Served-By')}")
            except (aiohttp.ClientError, TimeoutError) as error:
                seen.lost.append(repr(error))
            seen.answered += 1
            seen.more.set()

    limit = aiohttp.ClientTimeout(total=15)

    def browser() -> aiohttp.ClientSession:
        jar = aiohttp.CookieJar(unsafe=True) if cookies else aiohttp.DummyCookieJar()
        return aiohttp.ClientSession(timeout=limit, cookie_jar=jar)

    async with AsyncExitStack() as browsers:
        https = [await browsers.enter_async_context(browser()) for _ in range(clients)]
        clicking = [asyncio.create_task(click(http)) for http in https]
        try:
            yield seen
        finally:
            stopping.set()
            await asyncio.gather(*clicking)


@asynccontextmanager
async def member(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser in which ravi is logged in."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(url, headers=JSON, cookie_jar=jar) as http:
        async with http.post("/login", data=MEMBER) as answer:
            assert answer.status == 200, await answer.text()
        yield http


async def ask(http: aiohttp.ClientSession, path: str) -> tuple[int, str, str | None]:
    """(status, outcome, user) of one click."""
    async with http.get(path) as answer:
        body = await answer.json()
        return answer.status, answer.headers["Session-Outcome"], body.get("user")


@asynccontextmanager
async def feed(cluster: Cluster) -> AsyncIterator["Feed"]:
    """The cluster's events from now on; `until` waits for one."""
    listener = Feed()
    reading = asyncio.create_task(listener.read(cluster))
    try:
        while not listener.events:  # subscribed once a mark of ours comes back
            await cluster.mark(what="probe", detail="test")
            await asyncio.sleep(0)
        yield listener
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


class Feed:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._more = asyncio.Condition()

    async def read(self, cluster: Cluster) -> None:
        async for event in cluster.events():
            async with self._more:
                self.events.append(event)
                self._more.notify_all()

    async def until(self, within: float = 15.0, **fields: Any) -> dict[str, Any]:
        """The first event with these fields."""

        def find() -> dict[str, Any] | None:
            return next((event for event in self.events if fields.items() <= event.items()), None)

        async with asyncio.timeout(within), self._more:
            await self._more.wait_for(lambda: find() is not None)
        found = find()
        assert found is not None
        return found

    async def requests(self, count: int, within: float = 15.0) -> list[dict[str, Any]]:
        """The first `count` requests."""

        def heard() -> list[dict[str, Any]]:
            return [event for event in self.events if event["kind"] == "request"]

        async with asyncio.timeout(within), self._more:
            await self._more.wait_for(lambda: len(heard()) >= count)
        return heard()[:count]
