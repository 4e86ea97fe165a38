"""`python -m balancer` as a process: what it refuses, how it ends, and changes and deaths under load."""

import asyncio
import contextlib
import signal
import socket
import ssl
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from servers.control import call
from tests.balancer.rig import until

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])  # the balancer's own loop is in its process

SERVER = """
import asyncio, sys
from aiohttp import web
async def page(request):
    if request.path == "/slow": await asyncio.sleep(0.4)
    return web.Response(text=sys.argv[1])
async def ready(site): print(site._server.sockets[0].getsockname()[1], flush=True)
async def main():
    app = web.Application(); app.router.add_route("*", "/{any:.*}", page)
    runner = web.AppRunner(app); await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0); await site.start(); await ready(site)
    await asyncio.Event().wait()
asyncio.run(main())
"""


class Processes:
    """The processes of one test; all are ended with it."""

    def __init__(self, folder: Path) -> None:
        self.control = folder / "balancer.sock"
        self.started: list[asyncio.subprocess.Process] = []
        self.url = ""

    async def start(self, *command: str) -> tuple[asyncio.subprocess.Process, str]:
        """A process, and the line by which it says that it is ready."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        self.started.append(process)
        assert process.stdout is not None
        async with asyncio.timeout(30):
            return process, (await process.stdout.readline()).decode().strip()

    async def server(self, name: str, code: str = SERVER) -> tuple[asyncio.subprocess.Process, str]:
        process, port = await self.start("-c", code, name)
        return process, f"127.0.0.1:{port}"

    async def balancer(self, *options: str) -> asyncio.subprocess.Process:
        process, line = await self.start(
            "-m", "balancer", "--listen", "127.0.0.1:0", "--control", str(self.control), *options
        )
        assert line.startswith("balancer listening on http"), line
        self.url = line.rpartition(" ")[2]
        return process

    async def end(self) -> None:
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@pytest.fixture
async def processes(short_folder: Path) -> AsyncIterator[Processes]:
    these = Processes(short_folder)
    yield these
    await these.end()


REFUSED = {
    "an unknown policy": (["--policy", "round_robbin"], "did you mean round_robin?"),
    "a policy unlike any": (["--policy", "xyz"], "choose one of round_robin, random"),
    "no address": (["--listen", "nonsense"], "an address looks like 127.0.0.1:8001"),
    "no port": (["--backend", "127.0.0.1"], "an address looks like"),
    "a port beyond all ports": (["--backend", "127.0.0.1:99999"], "an address looks like"),
    "port 0 of a backend": (["--backend", "127.0.0.1:0"], "a port above 0"),
    "weight 0": (["--backend", "127.0.0.1:1*0"], "a weight from 1"),
    "one name twice": (["--backend", "a=127.0.0.1:1", "--backend", "a=127.0.0.1:2"], "two backends are called a"),
    "itself": (["--listen", "127.0.0.1:81", "--backend", "127.0.0.1:81"], "the balancer itself"),
    "no time": (["--head-timeout", "0"], "a number of seconds above 0"),
    "no number": (["--fall", "many"], "invalid int value"),
    "never": (["--idle-timeout", "inf"], "a number of seconds above 0"),
    "no path": (["--health-path", "health"], "must begin with a slash"),
    "an unknown option": (["--polcy", "random"], "unrecognized arguments"),
    "a folder that cannot be": (["--listen", "127.0.0.1:0", "--control", "/proc/x/y"], "cannot use the folder"),
    "no such host": (["--listen", "no-such-host.invalid:1"], "choose another --listen"),
}


@pytest.mark.parametrize(("options", "said"), REFUSED.values(), ids=REFUSED.keys())
async def test_bad_options_are_one_clear_line(options: list[str], said: str, processes: Processes) -> None:
    process, _ = await processes.start("-m", "balancer", *options)
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert said in errors.decode()
    assert errors.decode().count("\n") == 1, errors.decode()


@pytest.mark.parametrize("option", ["--listen", "--admin"])
async def test_a_port_that_is_taken(option: str, processes: Processes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        process, _ = await processes.start("-m", "balancer", "--listen", "127.0.0.1:0", option, address)
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors.decode() == (
        f"balancer: cannot listen on {address}: Address already in use; choose another {option}\n"
    )


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, None])
async def test_stopping_finishes_what_runs(how: signal.Signals | None, processes: Processes) -> None:
    _, address = await processes.server("one")
    balancer = await processes.balancer("--backend", address)
    async with aiohttp.ClientSession() as http:
        async with http.get(processes.url) as idle:
            assert await idle.text() == "one"
        running = asyncio.ensure_future(http.get(processes.url + "/slow"))
        while (await call(processes.control, "state"))["backends"][0]["in_flight"] == 0:
            pass
        if how is None:
            await call(processes.control, "shutdown")
        else:
            balancer.send_signal(how)
        answer = await running
        assert (answer.status, await answer.text()) == (200, "one")
        assert answer.headers["Connection"] == "close"
    async with asyncio.timeout(5):
        assert await balancer.wait() == 0
    assert not processes.control.exists()
    assert balancer.stderr is not None
    assert await balancer.stderr.read() == b""


class Load:
    """Clients that ask without a pause, over connections that are kept; what they got, by status or kind of failure."""

    def __init__(self, url: str, clients: int = 8, method: str = "GET", tls: ssl.SSLContext | None = None) -> None:
        self.url, self.clients, self.method, self.tls = url, clients, method, tls
        self.got: Counter[str] = Counter()
        self._over = asyncio.Event()

    async def __aenter__(self) -> "Load":
        self._http = aiohttp.ClientSession()
        self._working = [asyncio.ensure_future(self._client()) for _ in range(self.clients)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        await asyncio.gather(*self._working)
        await self._http.close()

    async def _client(self) -> None:
        while not self._over.is_set():
            try:
                async with self._http.request(
                    self.method, self.url, data=b"x" if self.method == "POST" else None, ssl=self.tls or True
                ) as answer:
                    text = await answer.text()
                    self.got[text if answer.status == 200 else str(answer.status)] += 1
            except aiohttp.ClientError as failure:
                self.got[type(failure).__name__] += 1

    async def more(self, count: int) -> None:
        """Return when that many more requests have been answered."""
        enough = self.got.total() + count
        await until(lambda: self.got.total() >= enough)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_changing_everything_under_load_loses_no_request(method: str, processes: Processes) -> None:
    addresses = {name: (await processes.server(name))[1] for name in ("one", "two", "three")}
    await processes.balancer("--backend", f"one={addresses['one']}")
    async with Load(processes.url, method=method) as load:
        for policy in ("least_busy", "sticky_cookie", "rendezvous", "round_robin"):
            await call(processes.control, "policy", name=policy)
            for name in ("two", "three"):
                await call(processes.control, "add", address=addresses[name], name=name)
            await load.more(100)
            await call(processes.control, "drain", name="two")
            await load.more(50)
            for name in ("two", "three"):
                await call(processes.control, "remove", name=name, wait=True)
            await load.more(50)
    assert set(load.got) == {"one", "two", "three"}
    totals = (await call(processes.control, "state"))["totals"]
    assert totals["requests"] == load.got.total()
    assert (totals["errors"], totals["statuses"]) == (0, {"2xx": load.got.total()})


async def test_a_killed_server_costs_no_idempotent_request(processes: Processes) -> None:
    servers = {name: await processes.server(name) for name in ("one", "two", "three")}
    backends = [word for name, (_, address) in servers.items() for word in ("--backend", f"{name}={address}")]
    await processes.balancer(*backends, "--health-interval", "0.2")
    async with Load(processes.url) as load:
        await load.more(200)
        servers["two"][0].kill()
        await servers["two"][0].wait()
        await load.more(500)
    assert set(load.got) == {"one", "two", "three"}
    state = await call(processes.control, "state")
    assert {b["name"]: b["healthy"] for b in state["backends"]} == {"one": True, "two": False, "three": True}
    assert state["totals"]["statuses"] == {"2xx": load.got.total()}


async def test_a_killed_server_costs_at_most_the_posts_it_was_working_on(processes: Processes) -> None:
    servers = {name: await processes.server(name) for name in ("one", "two", "three")}
    backends = [word for name, (_, address) in servers.items() for word in ("--backend", f"{name}={address}")]
    await processes.balancer(*backends, "--health-interval", "0.2")
    async with Load(processes.url, clients=8, method="POST") as load:
        await load.more(200)
        servers["two"][0].kill()
        await servers["two"][0].wait()
        await load.more(500)
    assert set(load.got) <= {"one", "two", "three", "502"}
    assert load.got["502"] <= 8


async def test_a_paused_server_is_taken_out_and_comes_back(processes: Processes) -> None:
    servers = {name: await processes.server(name) for name in ("one", "two")}
    backends = [word for name, (_, address) in servers.items() for word in ("--backend", f"{name}={address}")]
    await processes.balancer(*backends, "--health-interval", "0.1")

    async def health() -> dict[str, bool]:
        return {b["name"]: b["healthy"] for b in (await call(processes.control, "state"))["backends"]}

    async with asyncio.timeout(20):
        servers["two"][0].send_signal(signal.SIGSTOP)
        while await health() != {"one": True, "two": False}:
            pass
        async with aiohttp.ClientSession() as http:
            for _ in range(4):
                async with http.get(processes.url) as answer:
                    assert await answer.text() == "one"
        servers["two"][0].send_signal(signal.SIGCONT)
        while await health() != {"one": True, "two": True}:
            pass
