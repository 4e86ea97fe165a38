"""nginx, HAProxy and Traefik in the balancer's place: what is their own, beside the contract of every cluster."""

import asyncio
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil
import pytest

from scenarios.cluster.balancers import BALANCERS
from scenarios.cluster.balancers.access_log import hashed
from scenarios.cluster.processes import ProcessCluster
from scenarios.cluster.programs import find_program
from scenarios.errors import LabError
from scenarios.events import complaint
from tests.cli.processes import LAB
from tests.scenarios.cluster.leftovers import assert_nothing_left, processes_of, still_alive
from tests.scenarios.cluster.traffic import ask, feed, load, member

Start = Callable[..., Awaitable[ProcessCluster]]

pytestmark = pytest.mark.slow


@pytest.fixture(params=[name for name in BALANCERS if name != "ours"])
def proxy(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if not find_program(name) and not os.environ.get("SESSION_LAB_REQUIRE_PROXIES"):
        pytest.skip(f"no {name} here: install it, or set SESSION_LAB_REQUIRE_PROXIES")
    return name


def family(cluster: ProcessCluster) -> list[psutil.Process]:
    return psutil.Process(cluster.nursery_pid).children(recursive=True)


def masters(cluster: ProcessCluster, proxy: str) -> list[psutil.Process]:
    return [child for child in psutil.Process(cluster.nursery_pid).children() if child.name().startswith(proxy)]


async def test_every_policy_it_says_it_has(folder: Path, proxy: str) -> None:
    async with await ProcessCluster.start(folder, servers=3, balancer=proxy) as cluster:
        for policy in ("round_robin", "two_choices", "rendezvous", "sticky_cookie"):
            await cluster.switch(policy=policy)
            async with load(cluster.url, cookies=True) as clicks:
                await clicks.until(40)
            assert clicks.lost == [], policy
            assert clicks.servers == {"server-1", "server-2", "server-3"} or policy == "rendezvous", policy
        assert (await cluster.state())["policy"] == "sticky_cookie"
    assert_nothing_left(folder)


async def test_a_sticky_user_stays_and_moves_once_when_the_server_dies(folder: Path, proxy: str) -> None:
    async with (
        await ProcessCluster.start(folder, servers=3, balancer=proxy, policy="sticky_cookie", store="redis") as cluster,
        member(cluster.url) as ravi,
    ):

        async def served_by() -> str:
            async with ravi.get("/whoami") as answer:
                return answer.headers.get("Served-By", f"none: {answer.status}")

        homes = {await served_by() for _ in range(6)}
        assert len(homes) == 1
        (home,) = homes
        await cluster.kill(home)
        new = home
        while new == home or new.startswith("none"):  # until a health check finds out
            new = await served_by()
        assert new != home
        assert {await served_by() for _ in range(6)} == {new}
        assert (await ask(ravi, "/account"))[:2] == (200, "hit")


async def test_what_it_counts_is_what_users_got_also_across_reloads(folder: Path, proxy: str) -> None:
    async with await ProcessCluster.start(folder, servers=2, balancer=proxy) as cluster:
        for _ in range(3):
            async with load(cluster.url, method="GET", path="/", clients=4) as clicks:
                await clicks.until(60)
            assert (await cluster.counters())["requests"] >= clicks.answered
            await cluster.balancer.reload()
        before = (await cluster.counters())["requests"]
        async with member(cluster.url) as ravi:
            for _ in range(9):
                await ask(ravi, "/account")
        assert (await cluster.counters())["requests"] == before + 10


async def test_whatever_clients_send_the_lab_goes_on_counting(folder: Path, proxy: str) -> None:
    odd = [
        b"GET /.session-lab?x HTTP/1.1\r\nHost: lab\r\n\r\n",
        b'GET /?%ff"\\ HTTP/1.1\r\nHost: lab\r\nLab-User: \xff"\\\r\nCookie: session_id=\xe4"\r\n\r\n',
        b"GET /" + b"%22" * 2000 + b' HTTP/1.1\r\nHost: lab\r\nCookie: session_id="' + b"x" * 3000 + b'"\r\n\r\n',
        b"GET \xff HTTP/1.1\r\nHost: lab\r\n\r\n",
        b"- / HTTP/1.1\r\nHost: lab\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHos",
    ]
    async with await ProcessCluster.start(folder, servers=1, balancer=proxy) as cluster, feed(cluster) as told:
        host, port = cluster.url.removeprefix("http://").split(":")
        for request in odd:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(request)
            writer.write_eof()
            with suppress(OSError):
                await reader.read()
            writer.close()
        counted = (await cluster.counters())["requests"]
        assert counted >= 2
        async with member(cluster.url) as ravi:
            assert (await ask(ravi, "/account"))[:2] == (200, "hit")
        assert (await cluster.counters())["requests"] == counted + 2
        events = await told.requests(counted + 2)
        assert [complaint(event) for event in events] == [None] * len(events)


async def test_a_cookie_is_read_as_a_server_reads_it_whatever_stands_beside_it(folder: Path, proxy: str) -> None:
    """Cookies know no ports: other programs on 127.0.0.1 have theirs in every request of a browser."""
    others, ours = "my_session_id=zz; likes=a,b", "my_session_id=zz; session_id=abc; likes=a,b"
    async with await ProcessCluster.start(folder, servers=1, balancer=proxy) as cluster, feed(cluster) as told:
        async with aiohttp.ClientSession() as http:
            for cookies in (others, ours):
                async with http.get(
                    f"{cluster.url}/cart", headers={"Cookie": cookies}, allow_redirects=False
                ) as answer:
                    assert answer.headers["Session-Outcome"] == ("unknown" if cookies is ours else "none")
        counters = await cluster.counters()
        assert (counters["with_session"], counters["logged_out"]) == (1, 1)
        events = await told.requests(2)
        wanted = [(None, len(others)), (hashed("abc"), len(ours))]
        assert [(event["sent"], event["cookie_bytes"]) for event in events] == wanted


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_one_that_dies_is_one_clear_line(folder: Path, proxy: str, how: signal.Signals) -> None:
    cluster = await ProcessCluster.start(folder, servers=1, balancer=proxy)
    (master,) = masters(cluster, proxy)
    everybody = family(cluster)
    master.send_signal(how)
    await asyncio.wait_for(cluster.until_broken(), 10)
    with pytest.raises(LabError, match=f"{proxy} has ended"):
        await cluster.scale(2)
    await cluster.stop()
    assert still_alive(everybody) == []
    assert_nothing_left(folder)


async def test_one_that_hangs_is_said_and_heals(folder: Path, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with await ProcessCluster.start(folder, servers=1, balancer=proxy) as cluster:
        (master,) = masters(cluster, proxy)
        frozen = [master, *master.children()]
        for process in frozen:
            process.suspend()
        with monkeypatch.context() as patience:
            patience.setattr("scenarios.cluster.balancers.proxy.ANSWERS_WITHIN", 0.1)
            patience.setattr("scenarios.cluster.balancers.proxy.IN_FORCE_WITHIN", 0.2)
            with pytest.raises(LabError, match=f"{proxy} did not take its configuration"):
                await asyncio.wait_for(cluster.switch(policy="two_choices"), 10)
        for process in frozen:
            process.resume()
        await cluster.scale(2)
        async with load(cluster.url) as clicks:
            await clicks.until(20)
        assert clicks.servers == {"server-1", "server-2"}


async def test_one_that_cannot_be_started_leaves_no_file_open(
    folder: Path, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.listdir("/proc/self/fd")
    monkeypatch.setattr("scenarios.cluster.nursery_children.find_program", lambda name: str(folder / name))
    with pytest.raises(LabError, match="cannot start"):
        await ProcessCluster.start(folder, servers=1, balancer=proxy)
    assert os.listdir("/proc/self/fd") == before
    assert_nothing_left(folder)


def test_where_few_files_may_be_open(environ: dict[str, str], proxy: str) -> None:
    """HAProxy alone asks for more than some systems let anybody have."""
    words = [*LAB, "run", "five-servers", "--balancer", proxy, "--no-journal"]

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))

    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=100, preexec_fn=few)
    assert done.returncode == 0, done.stderr


async def test_nothing_is_left_when_everything_of_the_lab_is_killed(folder: Path, proxy: str) -> None:
    cluster = await ProcessCluster.start(folder, servers=1, balancer=proxy)
    everybody = family(cluster)
    assert len(everybody) >= 2
    os.kill(cluster.nursery_pid, signal.SIGKILL)
    assert still_alive(everybody) == []
    await cluster.stop()
    assert_nothing_left(folder)


async def test_two_side_by_side(folder: Path, proxy: str) -> None:
    one, two = folder / "1", folder / "2"
    async with (
        await ProcessCluster.start(one, servers=1, balancer=proxy) as first,
        await ProcessCluster.start(two, servers=1, balancer=proxy) as second,
    ):
        assert first.url != second.url
        async with member(first.url) as ravi:
            assert (await ask(ravi, "/account"))[:2] == (200, "hit")
        assert ((await first.counters())["requests"], (await second.counters())["requests"]) == (2, 0)


async def test_a_folder_of_any_name(folder: Path, proxy: str) -> None:
    odd = folder / "o'dd \"$x;{"
    async with await ProcessCluster.start(odd, servers=1, balancer=proxy) as cluster, member(cluster.url) as ravi:
        assert (await ask(ravi, "/account"))[:2] == (200, "hit")
    assert_nothing_left(odd)


async def test_a_policy_it_lacks(folder: Path) -> None:
    with pytest.raises(LabError, match="traefik has no policy ip_hash: choose one of round_robin"):
        await ProcessCluster.start(folder, servers=1, balancer="traefik", policy="ip_hash")
    assert_nothing_left(folder)


async def test_a_port_that_is_taken(folder: Path, proxy: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(LabError, match="is taken: choose another"):
        await ProcessCluster.start(folder, servers=1, balancer=proxy, port=taken.getsockname()[1])
    assert processes_of(folder) == []


async def test_one_that_is_not_installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scenarios.cluster.nursery_children.find_program", lambda name: None)
    with pytest.raises(LabError, match="no nginx here: install it"):
        await ProcessCluster.start(folder, servers=1, balancer="nginx")
    assert_nothing_left(folder)
