"""A crowd of virtual users, and the gate that lets them make requests and brings them to rest."""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

import aiohttp

from scenarios.felt import Answer, Felt
from scenarios.shop import MEMBERS
from scenarios.traffic import Traffic
from scenarios.users import Shopper


class Crowd:
    """K shoppers on one shop. Start it once; then let it make requests with `shop`, and change K with `resize`. Not
    `timed`, it keeps no latencies: a crowd may live for days."""

    def __init__(
        self,
        url: str,
        users: int,
        seed: int,
        *,
        think: float = 0.05,
        timed: bool = True,
        complain: Callable[[str, str], None] = lambda user, text: None,
    ) -> None:
        self._url = url
        self._timed = timed
        self.felt = Felt()
        self.latencies: list[float] = []
        self.traffic = Traffic()
        self._http = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=30),
            auto_decompress=False,
        )
        self._seed = seed
        self._think = think
        self._complain = complain
        self.shoppers = [self._shopper(name) for name in MEMBERS[:users]]
        self._tasks: list[asyncio.Task[None]] = []

    def _shopper(self, name: str) -> Shopper:
        """The same name does the same things, whoever else is there."""
        return Shopper(
            name,
            self._url,
            random.Random(f"{self._seed}/{name}"),
            self._http,
            self.traffic,
            self.felt,
            self._think,
            complain=self._complain,
            observe=self._observe,
        )

    def _observe(self, answer: Answer) -> None:
        if self._timed:
            self.latencies.append(answer.seconds)

    def visitor(self, name: str, felt: Felt) -> Shopper:
        """A user outside the crowd, who clicks only when a script says so and at once."""
        gate = Traffic(math.inf)
        return Shopper(name, self._url, random.Random(name), self._http, gate, felt, think=0.0)

    def start(self) -> None:
        self._tasks = [asyncio.create_task(shopper.live(), name=shopper.name) for shopper in self.shoppers]

    async def resize(self, users: int) -> None:
        """Have this many users: the next of MEMBERS come in, or the last ones go home, each after a request that is
        under way. Who comes back begins anew."""
        more = [self._shopper(name) for name in MEMBERS[len(self.shoppers) : users]]
        self.shoppers += more
        self._tasks += [asyncio.create_task(shopper.live(), name=shopper.name) for shopper in more]
        leaving = list(zip(self.shoppers[users:], self._tasks[users:], strict=True))
        del self.shoppers[users:], self._tasks[users:]
        await asyncio.gather(*(go_home(shopper, task) for shopper, task in leaving))

    async def shop(self, requests: float) -> Felt:
        """Let the users make this many requests, wait for the last answer, and say what they felt meanwhile."""
        before = replace(self.felt)
        await self.traffic.allow(requests)
        await self._unless_a_user_fails(self.traffic.settled())
        return self.felt.since(before)

    async def _unless_a_user_fails(self, wait: Awaitable[None]) -> None:
        waiting = asyncio.ensure_future(wait)
        done, _ = await asyncio.wait([waiting, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        if waiting not in done:
            waiting.cancel()
            done.pop().result()  # raises what went wrong in that user

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()


async def go_home(shopper: Shopper, living: asyncio.Task[None]) -> None:
    async with shopper.at_the_shop:
        living.cancel()
    await asyncio.wait({living})
