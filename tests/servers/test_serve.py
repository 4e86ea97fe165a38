"""A server as a process: start, control, stop, and everything that can be wrong with its command line."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest

from servers.config import ConfigError, ServerConfig
from servers.control import ControlError, call
from servers.serve import run

from .conftest import Browser

Process = asyncio.subprocess.Process
Start = Callable[..., Awaitable[tuple[Process, Browser]]]


@pytest.fixture
async def start(http: aiohttp.ClientSession) -> AsyncIterator[Start]:
    processes: list[Process] = []

    async def start(*options: str) -> tuple[Process, Browser]:
        process = await launch("--listen", "127.0.0.1:0", *options)
        processes.append(process)
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        listens = re.fullmatch(r"\S+ listens on (127\.0\.0\.1:\d+)\n", line)
        assert listens, line
        return process, Browser(f"http://{listens[1]}", http)

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def launch(*options: str) -> Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "servers", *options, stdout=pipe, stderr=pipe)


async def ended(process: Process) -> tuple[int, str, str]:
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_cleanly_and_leaves_nothing(start: Start, short_folder: Path, number: int) -> None:
    control = short_folder / "quit" / "server.sock"
    process, browser = await start("--control", str(control))
    assert (await browser.log_in()).status == 200
    process.send_signal(number)
    assert await ended(process) == (0, "", "")
    assert not control.exists()


async def test_a_running_request_is_finished_before_the_end(start: Start, short_folder: Path) -> None:
    control = short_folder / "finish" / "server.sock"
    process, browser = await start("--control", str(control))
    host, port = browser.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(LOGIN + BODY[:10])
    while (await call(control, "state"))["in_flight"] == 0:
        pass
    process.terminate()
    await until_refused(host, int(port))
    writer.write(BODY[10:])
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"session_id=sess_" in answer
    assert await ended(process) == (0, "", "")
    writer.close()


BODY = b"username=ravi&password=wristband-ravi"
LOGIN = (
    b"POST /login HTTP/1.1\r\nHost: shop\r\nAccept: application/json\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(BODY)
)


async def until_refused(host: str, port: int) -> None:
    deadline = time.monotonic() + 5
    with suppress(ConnectionRefusedError, ConnectionResetError):
        while time.monotonic() < deadline:
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
        pytest.fail("it still accepts connections")


async def test_the_control_channel(start: Start, short_folder: Path) -> None:
    control = short_folder / "ask" / "server.sock"
    process, browser = await start("--control", str(control), "--name", "server-7")
    await browser.log_in()
    await browser.get("/cart")
    await browser.get("/health")
    state = await call(control, "state")
    assert browser.url == f"http://{state.pop('address')}"
    assert 0 < state.pop("cpu") < 60
    assert state == {
        "name": "server-7",
        "pid": process.pid,
        "store": "memory",
        "on_unknown": "keep",
        "sessions": 1,
        "requests": 2,
        "outcomes": {"new": 1, "hit": 1},
        "in_flight": 0,
    }
    [entry] = (await call(control, "logbook", limit=5))["entries"]
    assert browser.cookie is not None
    assert entry["id"].rstrip("…") == browser.cookie[:9]
    assert (entry["user"], len(entry)) == ("ravi", 5)
    assert entry["hash"] == sha256(browser.cookie.encode()).hexdigest()[:12]
    assert (await call(control, "logbook", limit=0))["entries"] == []
    stranger = "sess_" + "x" * 22
    assert await call(control, "knows", ids=[stranger, browser.cookie]) == {"known": [browser.cookie]}
    with pytest.raises(ControlError, match="--store must be one of memory, redis"):
        await call(control, "switch", store="paper")
    assert await call(control, "shutdown") == {}
    assert await ended(process) == (0, "", "")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--listen", "here"], "an address looks like 127.0.0.1:8001, not 'here'"),
        (["--listen", "127.0.0.1:99999"], "an address looks like"),
        (["--listen", "user@127.0.0.1:80"], "an address looks like"),
        (["--store", "paper"], "--store must be one of memory, redis, sqlite, postgres, not 'paper'"),
        (["--on-unknown", "cry"], "--on-unknown must be one of keep, clear, replace"),
        (["--passwords", "none"], "--passwords must be one of light, strong"),
        (["--idle-timeout", "0"], "--idle-timeout must be a number of seconds above 0"),
        (["--idle-timeout", "nan"], "--idle-timeout must be"),
        (["--absolute-timeout", "soon"], "invalid float value"),
        (["--name", "a\r\nb"], "printable ASCII"),
        (["--sore", "redis"], "unrecognized arguments"),
        (["--store", "redis", "--store-url", "redis://127.0.0.1:1"], "check --store-url"),
        (["--store", "sqlite"], "needs a file"),
        (["--shop", "/nowhere/shop.db"], "cannot use /nowhere/shop.db"),
        (["--control", "/proc/no/c.sock"], "cannot use the folder"),
    ],
)
async def test_what_cannot_work_is_one_line_and_exit_code_2(options: list[str], says: str) -> None:
    code, out, err = await ended(await launch("--listen", "127.0.0.1:0", *options))
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


async def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code, _, err = await ended(await launch("--listen", address))
    assert code == 2
    assert f"cannot listen on {address}" in err
    assert err.count("\n") == 1


def test_a_config_travels_as_json() -> None:
    config = ServerConfig(name="server-3", listen="[::1]:0", idle_timeout=5.0)
    assert ServerConfig.from_json(json.loads(json.dumps(asdict(config)))) == config
    assert config.address == ("::1", 0)
    with pytest.raises(ConfigError, match="unknown settings: colour"):
        ServerConfig.from_json({"colour": "red"})


def test_the_help_names_every_store_and_setting() -> None:
    help = os.popen(f"{sys.executable} -m servers --help").read()
    for word in ("memory", "redis", "sqlite", "postgres", "keep", "clear", "replace", "light", "strong", "example"):
        assert word in help


def test_ten_servers_forked_from_a_warm_parent_answer() -> None:
    """Nothing is bound to a loop or thread at import, and a start is cheap (the lab starts ten)."""
    children = [fork() for _ in range(10)]
    try:
        for _, ready in children:
            host, port = os.read(ready, 100).decode().split(":")
            with socket.create_connection((host, int(port)), 5) as connection:
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
    finally:
        for pid, ready in children:
            os.kill(pid, signal.SIGTERM)
            os.close(ready)
    assert [os.waitpid(pid, 0)[1] for pid, _ in children] == [0] * 10


def fork() -> tuple[int, int]:
    ready, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            run(ServerConfig(listen="127.0.0.1:0"), lambda address: void(os.write(tell, address.encode())))
            os._exit(0)
        finally:
            os._exit(1)
    os.close(tell)
    return pid, ready


def void(_: object) -> None: ...
