"""Ways to measure a logout rate wrongly, each shown to mislead, beside the way that does not."""

import asyncio
import itertools
import math
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from scenarios import theory
from scenarios.crowd import Crowd
from scenarios.felt import Felt
from scenarios.intervals import wilson
from scenarios.jar import Jar
from scenarios.shop import MEMBERS
from scenarios.traffic import Traffic
from scenarios.users import Shopper
from tests.scenarios.conftest import StartCluster

Z = 3.9


@asynccontextmanager
async def shoppers(url: str, users: int, felt: Felt, *, keep_alive: bool = True) -> AsyncIterator[list[Shopper]]:
    """Users who click when the test says so, at once."""
    gate = Traffic(math.inf)
    connector = aiohttp.TCPConnector(force_close=not keep_alive)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=connector) as http:
        yield [Shopper(name, url, random.Random(1), http, gate, felt, think=0.0) for name in MEMBERS[:users]]


@pytest.mark.parametrize(("users", "steps"), [(5, 6), (1, 6), (3, 11)])
async def test_users_in_lockstep_under_strict_round_robin(start_cluster: StartCluster, users: int, steps: int) -> None:
    cluster = await start_cluster(servers=5)
    felt = Felt()
    async with shoppers(cluster.url, users, felt) as crowd:
        for step in range(steps):
            for shopper in crowd:  # strictly in turn: that is the lockstep
                await (shopper.log_in() if step == 0 else shopper.ask("GET", "/orders"))
    rate = felt.logged_out / felt.with_session
    assert rate == pytest.approx(theory.lockstep_round_robin(5, users, steps))
    assert rate != pytest.approx(theory.keep_law(5)) or users != 5


async def test_users_with_think_times_read_the_law(start_cluster: StartCluster) -> None:
    cluster = await start_cluster(servers=5)
    crowd = Crowd(cluster.url, users=30, seed=1, think=0.02)
    crowd.start()
    try:
        felt = await crowd.shop(1200)
    finally:
        await crowd.close()
    low, high = wilson(felt.logged_out, felt.with_session, Z)
    assert low <= theory.keep_law(5) <= high


class ForgetfulJar(Jar):
    """A client that drops cookies."""

    def store(self, set_cookies: Iterable[str], *, host: str, path: str, secure: bool) -> None:
        pass


async def test_a_client_that_drops_cookies_is_a_stranger_even_to_one_server(start_cluster: StartCluster) -> None:
    cluster = await start_cluster(servers=1)
    felt = Felt()
    async with shoppers(cluster.url, 1, felt) as (shopper,):
        await shopper.views_without_new_login(10)
        assert (felt.views, felt.strange_views) == (10, 0)
        shopper.jar = ForgetfulJar(shopper.clock)
        await shopper.views_without_new_login(10)
        assert (felt.views, felt.strange_views) == (20, 10)


@asynccontextmanager
async def per_connection_balancer(backends: list[str]) -> AsyncIterator[str]:
    """A balancer that works on connections, not requests: each new one goes to the next backend, whole."""
    turn = itertools.cycle(backends)
    pumps: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = next(turn).rpartition(":")
        up_reader, up_writer = await asyncio.open_connection(host, int(port))
        for task in (asyncio.create_task(pump(reader, up_writer)), asyncio.create_task(pump(up_reader, writer))):
            pumps.add(task)
            task.add_done_callback(pumps.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield "http://{}:{}".format(*server.sockets[0].getsockname())
    finally:
        server.close()
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def test_keep_alive_hides_the_fault_of_a_per_connection_balancer(start_cluster: StartCluster) -> None:
    cluster = await start_cluster(servers=4)
    backends = [server["address"] for server in (await cluster.state())["servers"]]
    views, read = 12, {}
    async with per_connection_balancer(backends) as url:
        for keep_alive in (True, False):
            felt = Felt()
            async with shoppers(url, 1, felt, keep_alive=keep_alive) as (shopper,):
                await shopper.views_without_new_login(views)
            read[keep_alive] = felt.strange_views / views
    assert read[True] == 0
    assert read[False] == pytest.approx(theory.lockstep_round_robin(4, 1, views + 1))
