"""A graceful restart: another balancer takes over unnoticed; what was switched stays, and who belongs where."""

import asyncio
import os
import re
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from servers.control import ControlError, call
from tests.balancer.rig import Answer, Line, Server, get, ok, until
from tests.bench.proxies import free_port
from tests.faults.clients import Crowd
from tests.faults.load import load, restart
from tests.faults.processes import Processes, ended, exit_code

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])  # the balancer's own loop is in its processes

MANY = pytest.mark.parametrize("workers", ["1", "2"])


@pytest.fixture
async def servers() -> AsyncIterator[list[Server]]:
    opened = [await Server(name=name).open() for name in ("a", "b")]
    yield opened
    for server in opened:
        await server.close()


async def ask(address: tuple[str, int], *lines: str) -> Answer:
    line = Line(*await asyncio.open_connection(*address))
    answer = await line.ask(get("/", *lines))
    await line.hang_up()
    return answer


@MANY
async def test_users_stay_where_they_are_and_what_was_switched_stays(
    workers: str, processes: Processes, servers: list[Server]
) -> None:
    """Also the port that was any free one, and the admin port."""
    admin = ("127.0.0.1", free_port())
    options = ("--workers", workers, "--admin", f"127.0.0.1:{admin[1]}")
    process, address = await processes.balancer(f"a={servers[0].address}", options=options)
    await processes.tell("policy", name="sticky_cookie")
    await processes.tell("add", address=servers[1].address, name="b", weight=2)
    await processes.tell("label", store="redis")
    homes: dict[str, bytes] = {}
    for _ in range(6):
        answer = await ask(address)
        homes["Cookie: " + answer["set-cookie"].split(";")[0]] = answer.body
    assert set(homes.values()) == {b"a", b"b"}
    before = await processes.tell("state")
    follower = await processes.restart()
    assert await exit_code(process) == 0
    assert processes.said() == f"balancer: process {follower} has taken over from process {process.pid}\n"
    for cookie, home in homes.items():
        answer = await ask(address, cookie)
        assert (answer.status, answer.body, "set-cookie" in answer) == (200, home, False)
    after = await processes.tell("state")
    for what in ("address", "policy", "labels"):
        assert after[what] == before[what]
    assert [(b["name"], b["weight"]) for b in after["backends"]] == [("a", 1), ("b", 2)]
    assert b'"policy": "sticky_cookie"' in await _admin(admin)


async def _admin(address: tuple[str, int]) -> bytes:
    line = Line(*await asyncio.open_connection(*address))
    answer = await line.ask(get("/state"))
    await line.hang_up()
    return answer.body


@MANY
async def test_other_settings_take_the_place_of_what_was_switched(
    workers: str, processes: Processes, servers: list[Server], tmp_path: Path
) -> None:
    """The file is read again. Whose server is no longer in it is moved, and the reason is known."""
    file = tmp_path / "balancer.toml"
    lines = f'workers = {workers}\npolicy = "sticky_cookie"\nbackend = ["{{0}}={{1}}"]\n'
    file.write_text(lines.format("a", servers[0].address))
    process, address = await processes.balancer(options=("--config", str(file)))
    await processes.tell("policy", name="random")
    await processes.tell("policy", name="sticky_cookie")
    cookie = "Cookie: " + (await ask(address))["set-cookie"].split(";")[0]
    file.write_text(lines.format("b", servers[1].address))
    await processes.restart()
    assert await exit_code(process) == 0
    assert (await ask(address, cookie)).body == b"b"
    state = await processes.tell("state")
    assert [backend["name"] for backend in state["backends"]] == ["b"]
    assert state["totals"]["moved"] == {"gone": 1}


@MANY
async def test_when_none_can_follow_the_old_one_goes_on(
    workers: str, processes: Processes, servers: list[Server], tmp_path: Path
) -> None:
    file = tmp_path / "balancer.toml"
    file.write_text("")
    options = ("--config", str(file), "--workers", workers)
    process, address = await processes.balancer(f"a={servers[0].address}", options=options)
    file.write_text("polcy = 1\n")
    with pytest.raises(ControlError, match=f"it ended with exit code 2; process {process.pid} goes on"):
        await processes.restart()
    first, second = processes.said().splitlines()
    assert str(file) in first
    assert second == f"balancer: no restart: it ended with exit code 2; process {process.pid} goes on"
    assert (await ask(address)).body == b"a"
    await processes.tell("policy", name="random")  # it can be switched as before
    file.write_text("")
    await processes.restart()
    assert (await ask(address)).body == b"a"
    assert await exit_code(process) == 0


async def test_the_signal_does_the_same(processes: Processes, servers: list[Server]) -> None:
    process, address = await processes.balancer(f"a={servers[0].address}")
    process.send_signal(signal.SIGUSR2)
    assert await exit_code(process) == 0
    (line,) = processes.said().splitlines()
    found = re.fullmatch(rf"balancer: process ([0-9]+) has taken over from process {process.pid}", line)
    assert found is not None
    processes.ends_with_us(int(found[1]))
    assert (await ask(address)).body == b"a"


@pytest.mark.slow
@MANY
async def test_the_control_socket_is_never_missing(workers: str, processes: Processes, servers: list[Server]) -> None:
    """Somebody asks all the time, through three restarts; every question is answered."""
    await processes.balancer(f"a={servers[0].address}", options=("--workers", workers))
    over = asyncio.Event()

    async def ask_on() -> int:
        asked = 0
        while not over.is_set():
            state = await call(processes.control, "state")
            assert state["policy"] == "round_robin"
            asked += 1
        return asked

    asking = asyncio.ensure_future(ask_on())
    for _ in range(3):
        await processes.restart()
    over.set()
    assert await asking > 10


async def test_running_requests_end_where_they_began(processes: Processes) -> None:
    """The old process serves them, and tells the client that this connection ends; at rest it may ask once more."""
    go = asyncio.Event()

    async def slow(line: Line) -> None:
        while True:
            message = await line.message()
            if message.start.startswith("GET /slow"):
                await go.wait()
            line.send(ok(b"done"))

    server = await Server(slow, name="a").open()
    process, address = await processes.balancer(f"a={server.address}")
    rests, runs = [Line(*await asyncio.open_connection(*address)) for _ in range(2)]
    assert "connection" not in await rests.ask(get())
    runs.send(get("/slow"))
    while (await processes.tell("state"))["backends"][0]["in_flight"] == 0:
        pass
    await processes.restart()
    assert (await rests.ask(get()))["connection"] == "close"
    assert await rests.rest() == b""
    assert process.returncode is None
    go.set()
    answer = await runs.answer()
    assert (answer.body, answer["connection"]) == (b"done", "close")
    assert await exit_code(process) == 0
    await rests.hang_up()
    await runs.hang_up()
    await server.close()


@pytest.mark.slow
async def test_as_many_workers_as_the_file_says_by_then(processes: Processes, tmp_path: Path) -> None:
    """1, 3, 2, 1: sockets that are there are served on, and joined by others. No request fails meanwhile."""
    file = tmp_path / "balancer.toml"
    file.write_text("workers = 1\n")
    _, backend = await processes.backend("scripted.py")
    _, address = await processes.balancer(backend, options=("--config", str(file)))
    crowd = Crowd(address, clients=16, requests=1_000_000, hasty=8)
    playing = asyncio.create_task(crowd.play())
    for count in (3, 2, 1):
        file.write_text(f"workers = {count}\n")
        await processes.restart()
        answered = crowd.answered
        await until(lambda: crowd.answered >= answered + 300)  # noqa: B023
        assert len((await processes.tell("state")).get("workers", [1])) == count
    crowd.stop()
    await playing
    assert dict(crowd.failures) == {}


async def test_systemd_is_told_who_serves(processes: Processes, servers: list[Server]) -> None:
    """As sd_notify(3) does: the process to look at is another one after a restart."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(processes.folder / "notify"))
        notified.settimeout(20)
        where = ("env", f"NOTIFY_SOCKET={processes.folder / 'notify'}")
        process, _ = await processes.balancer(f"a={servers[0].address}", within=where)
        assert notified.recv(1000) == f"MAINPID={process.pid}\nREADY=1".encode()
        follower = await processes.restart()
        assert notified.recv(1000) == f"MAINPID={follower}\nREADY=1".encode()
        assert await exit_code(process) == 0


async def test_one_secret_for_several_balancers(processes: Processes, servers: list[Server], tmp_path: Path) -> None:
    """They agree on whom a cookie means; a file that is too short is refused in a line."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 32)
    addresses = [f"{server.name}={server.address}" for server in servers]
    options = ("--policy", "sticky_cookie", "--secret-file", str(secret))
    _, one = await processes.balancer(*addresses, options=options)
    async with Processes() as more:
        _, other = await more.balancer(*addresses, options=options)
        for _ in range(2):
            answer = await ask(one)
            cookie = "Cookie: " + answer["set-cookie"].split(";")[0]
            assert (await ask(other, cookie)).body == answer.body
    secret.write_bytes(b"short")
    async with Processes() as refused:
        process, line = await refused.start(sys.executable, "-m", "balancer", "--secret-file", str(secret))
        assert (await process.wait(), line) == (2, "")
        assert "needs 16 bytes at least" in refused.said()
        assert refused.said().count("\n") == 1


@pytest.mark.slow
@MANY
async def test_of_100_000_requests_none_fails_whoever_follows(workers: str) -> None:
    """Failed: 0 of 100,000, and no POST doubled or undone, over at least five restarts; a quarter of the clients makes
    a connection for each request."""
    outcome = await load(100_000, 32, restart, ("--workers", workers, "--stop-timeout", "5"), hasty=8)
    assert dict(outcome.failures) == {}
    assert (outcome.answered, outcome.doubled, outcome.undone) == (100_000, 0, 0)
    assert outcome.changes >= 5


def catches(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR2])
async def test_a_signal_that_comes_too_early_ends_nothing(
    number: signal.Signals, processes: Processes, servers: list[Server]
) -> None:
    """With workers it takes a while until all serve; log rotation and deployments do not wait for that."""
    starting = asyncio.ensure_future(
        processes.balancer(f"a={servers[0].address}", options=("--workers", "2", "--access-log", "/dev/null"))
    )
    await until(lambda: processes.started)
    (process,) = processes.started
    await until(lambda: catches(process.pid, signal.SIGTERM))  # its first step; nobody serves for long after that
    process.send_signal(number)
    _, address = await starting
    assert (await ask(address)).status == 200
    assert process.returncode is None
    assert processes.said() == ""


def mine(mark: str) -> list[int]:
    """Processes with this variable in their environment: the balancers and workers of one test."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


def listed(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.slow
@MANY
async def test_told_to_end_while_the_next_one_starts_all_end(workers: str, short_folder: Path) -> None:
    """SIGUSR2, and SIGTERM up to 400 ms later: no process, no folder of workers and no word is left. Who has taken over
    by then goes on, and is told, too."""
    random = Random(5)
    folder = Path(tempfile.mkdtemp(dir=short_folder))  # others leave things beside it
    mark = f"TMPDIR={folder}"
    options = ("--workers", workers, "--health-path", "")
    cut_short = 0
    for _ in range(20):
        async with Processes() as these:
            process, _ = await these.balancer("a=127.0.0.1:9", options=options, within=("env", mark))
            process.send_signal(signal.SIGUSR2)
            await asyncio.sleep(random.uniform(0, 0.4))  # the fault itself: at any moment of the start
            process.send_signal(signal.SIGTERM)
            await exit_code(process)
            said = these.said()
            found = re.fullmatch(rf"balancer: process ([0-9]+) has taken over from process {process.pid}\n", said)
            if found is not None:
                follower = os.pidfd_open(int(found[1]))
                signal.pidfd_send_signal(follower, signal.SIGTERM)
                await ended(follower)
            left = mine(mark)
            for pid in left:
                os.kill(pid, signal.SIGKILL)
        assert (left, listed(folder)) == ([], [])
        assert found is not None or said == ""
        cut_short += found is None
    assert cut_short > 0
