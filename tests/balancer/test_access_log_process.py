"""The access log of a real process: rotated under load, whole at the end, and no reason to stop serving."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from servers.control import call
from tests.balancer.rig import until
from tests.balancer.test_process import Load, Processes

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])  # the balancer's own loop is in its process


@pytest.fixture
async def processes(short_folder: Path) -> AsyncIterator[Processes]:
    these = Processes(short_folder)
    yield these
    await these.end()


async def test_rotation_under_load_loses_no_line(processes: Processes, tmp_path: Path) -> None:
    _, address = await processes.server("one")
    log = tmp_path / "access.log"
    balancer = await processes.balancer("--backend", address, "--access-log", str(log))
    async with Load(processes.url + "/?session_id=secret") as load:
        for turn in range(5):
            await load.more(200)
            log.rename(tmp_path / f"access.log.{turn}")
            balancer.send_signal(signal.SIGHUP)
            await until(log.exists)
    balancer.send_signal(signal.SIGTERM)
    assert await balancer.wait() == 0
    files = [tmp_path / f"access.log.{turn}" for turn in range(5)] + [log]
    texts = [file.read_text() for file in files]
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    assert all(text.endswith("\n") or not text for text in texts)
    assert len(lines) == load.got.total()
    assert {(line["status"], line["backend"]) for line in lines} == {(200, address)}
    assert min(text.count("\n") for text in texts[:5]) >= 100
    assert "secret" not in "".join(texts)


async def test_workers_share_the_file_and_the_key(processes: Processes, tmp_path: Path) -> None:
    _, address = await processes.server("one")
    log = tmp_path / "access.log"
    balancer = await processes.balancer("--backend", address, "--access-log", str(log), "--workers", "2")
    async with Load(processes.url + "/?session_id=secret") as load:
        await load.more(300)
        log.rename(tmp_path / "access.log.1")
        balancer.send_signal(signal.SIGHUP)
        await until(log.exists)
        await load.more(300)
        parts = (await call(processes.control, "state"))["workers"]
    balancer.send_signal(signal.SIGTERM)
    assert await balancer.wait() == 0
    lines = [json.loads(line) for path in (tmp_path / "access.log.1", log) for line in path.read_text().splitlines()]
    assert len(lines) == load.got.total()
    assert len({line["target"] for line in lines}) == 1
    assert sum(part["requests"] > 0 for part in parts) == 2, "both have written"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full, a disk that is always full")
async def test_a_disk_that_is_full_stops_nothing(processes: Processes) -> None:
    _, address = await processes.server("one")
    balancer = await processes.balancer("--backend", address, "--access-log", "/dev/full")
    async with Load(processes.url) as load:
        await load.more(300)
        while (await call(processes.control, "state"))["log_dropped"] == 0:
            pass
        await load.more(300)
    assert set(load.got) == {"one"}
    balancer.send_signal(signal.SIGTERM)
    assert await balancer.wait() == 0
    assert balancer.stderr is not None
    errors = (await balancer.stderr.read()).decode().splitlines()
    assert len(errors) == 2, errors
    assert "No space left on device; lines are dropped" in errors[0]
    assert errors[1] == f"balancer: access log /dev/full: {load.got.total()} lines were dropped"


async def test_requests_cut_off_at_the_end_have_their_line(processes: Processes, tmp_path: Path) -> None:
    _, address = await processes.server("one")
    log = tmp_path / "access.log"
    balancer = await processes.balancer("--backend", address, "--access-log", str(log), "--stop-timeout", "0.01")
    async with aiohttp.ClientSession() as http:
        running = asyncio.ensure_future(http.get(processes.url + "/slow"))
        while (await call(processes.control, "state"))["backends"][0]["in_flight"] == 0:
            pass
        balancer.send_signal(signal.SIGTERM)
        with pytest.raises(aiohttp.ClientError):
            await running
    assert await balancer.wait() == 0
    (line,) = map(json.loads, log.read_text().splitlines())
    assert (line["target"], line["status"], line["bytes"]) == ("/slow", 499, 0)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_stdout_gets_every_line(workers: str, processes: Processes) -> None:
    """More than a pipe holds, of which nothing is read until the balancer is told to stop."""
    _, address = await processes.server("one")
    balancer = await processes.balancer("--backend", address, "--access-log", "-", "--workers", workers)
    async with Load(processes.url + "/?" + "x" * 100) as load:
        await load.more(400)
    balancer.send_signal(signal.SIGTERM)
    lines, errors = await balancer.communicate()
    assert balancer.returncode == 0
    assert [json.loads(line)["status"] for line in lines.splitlines()] == [200] * load.got.total()
    assert len(lines) > 65536
    assert errors == b""


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_whoever_read_stdout_has_gone(workers: str, processes: Processes) -> None:
    _, address = await processes.server("one")
    options = ("--access-log", "-", "--access-log-format", "combined", "--workers", workers)
    balancer = await processes.balancer("--backend", address, *options)
    assert balancer.stdout is not None
    async with aiohttp.ClientSession() as http:
        async with http.get(processes.url + "/a") as answer:
            assert answer.status == 200
        assert b'"GET /a HTTP/1.1" 200 ' in await balancer.stdout.readline()
        balancer.stdout._transport.close()
        async with http.get(processes.url + "/b") as answer:
            assert answer.status == 200
        while (await call(processes.control, "state"))["log_dropped"] == 0:
            pass
        async with http.get(processes.url + "/c") as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--access-log", "/nowhere/a"], "--access-log: /nowhere/a cannot be used: No such file or directory"),
        (
            ["--access-log", "-", "--log-key-file", "/nowhere/key"],
            "--log-key-file: /nowhere/key cannot be used: No such",
        ),
        (["--access-log", "-", "--log-key-file", "/dev/null"], "--log-key-file: /dev/null needs 16 bytes at least"),
        (["--access-log-format", "jsn"], "--access-log-format: no format is called 'jsn'; did you mean json?"),
        (
            ["--check", "--access-log", "/nowhere/a"],
            "--access-log: /nowhere/a cannot be used: No such file or directory",
        ),
        (["--check", "--log-key-file", "/dev/null"], "--log-key-file: /dev/null needs 16 bytes at least"),
    ],
)
async def test_files_that_cannot_be_used(options: list[str], said: str, processes: Processes) -> None:
    process, _ = await processes.start("-m", "balancer", "--listen", "127.0.0.1:0", *options)
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert said in errors.decode()
    assert errors.count(b"\n") == 1, errors
