"""The access log of a balancer: what it says of requests that went well, went wrong, or were none."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from balancer.settings.config import BalancerConfig
from balancer.settings.problems import ConfigError
from balancer.telling.access_log import AccessLog, read_key
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Rig, Server, get, ok, until

Logged = Callable[[], list[dict[str, Any]]]
Logging = Callable[..., Awaitable[tuple[Rig, Logged]]]


@pytest.fixture
async def logging(start: Start, tmp_path: Path) -> AsyncIterator[Logging]:
    """`await logging(Server(), ...)`: a balancer that logs, and what it has logged so far."""
    path = tmp_path / "access.log"
    logs = []

    async def begin(*servers: Server, **options: Any) -> tuple[Rig, Logged]:
        rig = await start(*servers, access_log=str(path), **options)
        log = AccessLog(rig.balancer.config, b"secret")
        rig.balancer.use_log(log)
        logs.append(log)

        def logged() -> list[dict[str, Any]]:
            log.close()
            return [json.loads(line) for line in path.read_text().splitlines()]

        return rig, logged

    yield begin
    for log in logs:
        log.close()


async def test_requests_that_went_well(logging: Logging) -> None:
    server = Server()
    rig, logged = await logging(server)
    server.reply = lambda message: ok(b"hello", "Session-Outcome: new", "Set-Cookie: a=b", "Set-Cookie: session_id=new")
    line = await rig.connect()
    first = await line.ask(get("/login?session_id=old", "Cookie: session_id=old"))
    second = await line.ask(get("/", method="HEAD"), bodyless=True)
    await rig.settled()
    one, two = logged()
    assert one.pop("time") == two.pop("time") == "1994-11-06T08:49:37.000Z"  # OUR_TIME
    assert 0 < one.pop("ms") < 5000
    log = rig.balancer.log
    assert log is not None
    name = log.pseudonyms.of
    assert one == {
        "client": "127.0.0.1", "method": "GET", "target": f"/login?session_id=~{name(b'old')}",
        "session": name(b"old"), "status": 200, "bytes": len(first.raw) + 5, "backend": "a",
        "policy": "round_robin", "own": False, "outcome": "new", "issued": name(b"new"), "retries": 0, "moved": None,
        "refused": None,
    }  # fmt: skip
    assert (two["method"], two["bytes"], two["session"]) == ("HEAD", len(second.raw), None)


async def test_repeated_and_pipelined_requests_have_a_line_each(logging: Logging) -> None:
    rig, logged = await logging(Server())
    line = await rig.connect()
    line.send(get("/1") * 3 + get("/2"))
    for _ in range(4):
        await line.answer()
    await rig.settled()
    lines = logged()
    assert [entry["target"] for entry in lines] == ["/1", "/1", "/1", "/2"]
    assert len({entry["bytes"] for entry in lines}) == 1


async def test_what_is_written_is_counted_as_it_is_written(logging: Logging) -> None:
    async def script(line: Line) -> None:
        await line.message()
        line.send(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            line.send(b"5\r\nhello\r\n")
            await line.flush()
        line.send(b"0\r\n\r\n")

    rig, logged = await logging(Server(script))
    line = await rig.connect()
    line.send(get())
    got = await line.until(b"0\r\n\r\n")
    await rig.settled()
    (entry,) = logged()
    assert entry["bytes"] == len(got)


async def test_what_was_no_request(logging: Logging) -> None:
    rig, logged = await logging(Server())
    assert (await rig.ask(b"GET / HTTP/1.1\r\nHost: a\r\nsession_id=secret\r\n\r\n")).status == 400
    assert (await rig.ask(b"GET / HTTP/1.1\r\n\r\n")).status == 400
    lines = logged()
    assert [(e["status"], e["method"], e["target"], e["refused"], e["own"]) for e in lines] == [
        (400, "-", "-", "malformed field line", True),
        (400, "-", "-", "no Host", True),
    ]
    assert all(entry["bytes"] > 100 for entry in lines)
    assert all(entry["client"] == "127.0.0.1" for entry in lines)


async def test_what_went_wrong(logging: Logging) -> None:
    async def hangs_up(line: Line) -> None:
        await line.message()

    rig, logged = await logging(fall=100)
    assert (await rig.ask(get("/nobody"))).status == 503
    await rig.add(Server(hangs_up))
    assert (await rig.ask(get("/lost", method="POST"))).status == 502
    assert (await rig.ask(get("/tried"))).status == 502
    refusing = Server()
    await rig.add(refusing)
    refusing.stop_listening()
    rig.balancer.remove(rig.backend("a"))
    await rig.add(Server(name="c"))
    rig.balancer.use_policy("round_robin")
    assert (await rig.ask(get("/again"))).status == 200
    await rig.settled()
    assert [(e["target"], e["status"], e["backend"], e["own"], e["retries"]) for e in logged()] == [
        ("/nobody", 503, None, True, 0),
        ("/lost", 502, "a", True, 0),
        ("/tried", 502, "a", True, 0),
        ("/again", 200, "c", False, 1),
    ]


async def test_a_client_that_left_before_its_answer(logging: Logging) -> None:
    silent = Server(lambda line: asyncio.sleep(3600))
    rig, logged = await logging(silent)
    line = await rig.connect()
    line.send(get("/slow"))
    await silent.arrived.get()
    line.abort()
    await until(lambda: not rig.balancer.clients)
    (entry,) = logged()
    assert (entry["status"], entry["bytes"], entry["backend"], entry["own"]) == (499, 0, "a", False)


async def test_users_who_were_moved(logging: Logging) -> None:
    rig, logged = await logging(Server(), policy="sticky_cookie")
    await rig.ask(get("/", "Cookie: lab_server=0123"))
    await rig.settled()
    assert [entry["moved"] for entry in logged()] == ["bad_cookie"]


async def test_lines_leave_at_the_next_sweep(logging: Logging, tmp_path: Path) -> None:
    rig, _ = await logging(Server())
    await rig.ask()
    await rig.settled()
    assert (tmp_path / "access.log").read_text() == ""
    rig.pass_time(0.25)
    await until(lambda: (tmp_path / "access.log").read_text())


def test_a_key_of_ones_own(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("0123456789abcdef\n")
    assert read_key(str(key)) == b"0123456789abcdef"
    config = BalancerConfig(access_log=str(tmp_path / "log"), log_key_file=str(key))
    names = set()
    for secret in (b"one", b"two"):
        log = AccessLog(config, secret)
        names.add(log.pseudonyms.of(b"id"))
        log.close()
    assert len(names) == 1
    key.write_text("short\n")
    with pytest.raises(ConfigError, match="needs 16 bytes at least for a key: make it with `openssl rand -hex 32`"):
        read_key(str(key))
