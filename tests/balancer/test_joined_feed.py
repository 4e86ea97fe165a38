"""What workers tell, in their parent's feed; here scripted sockets are the workers."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from balancer.processes import workers as workers_module
from balancer.processes.workers import WorkerProcess, Workers
from balancer.settings.config import BalancerConfig
from balancer.state import Balancer
from tests.balancer.rig import PATIENCE, Clock, until

INTERVAL = 10.0


class Scripted:
    """A worker's control socket: what is put into `lines` is told to whoever has subscribed, if it `answers` at all."""

    def __init__(self, path: Path, answers: bool = True) -> None:
        self.path = path
        self.answers = answers
        self.lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.talks: set[asyncio.Task[None]] = set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.talks.add(task)
        try:
            await reader.readline()
            if self.answers:
                writer.write(b'{"ok":{}}\n')
                while True:
                    writer.write(json.dumps(await self.lines.get(), separators=(",", ":")).encode() + b"\n")
            await reader.read()
        finally:
            writer.close()

    def tell(self, what: str, detail: str, time: float) -> None:
        self.lines.put_nowait({"kind": "mark", "time": time, "what": what, "detail": detail})


@pytest.fixture
async def open_sockets() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def model() -> Balancer:
    config = BalancerConfig(listen="127.0.0.1:0", workers=2, resolve_interval=INTERVAL)
    return Balancer(config, Random(1), b"secret", Clock())


async def workers_of(model: Balancer, opened: AsyncExitStack, *scripts: Scripted) -> Workers:
    workers = Workers(model, [], b"secret")
    for number, script in enumerate(scripts):
        await opened.enter_async_context(await asyncio.start_unix_server(script.talk, script.path))
        opened.callback(lambda script=script: [talk.cancel() for talk in script.talks])
        process: Any = SimpleNamespace(pid=0)
        workers._living[number] = WorkerProcess(number, process, script.path, {})
    return workers


async def test_what_workers_find_out_alike_is_told_once(
    model: Balancer, open_sockets: AsyncExitStack, tmp_path: Path
) -> None:
    one, other = Scripted(tmp_path / "0.sock"), Scripted(tmp_path / "1.sock")
    workers = await workers_of(model, open_sockets, one, other)
    heard: list[tuple[str, str, float]] = []

    async def read() -> None:
        async for batch in model.feed.subscribe():
            heard.extend((each["what"], each["detail"], each["time"]) for each in map(json.loads, batch.splitlines()))

    reading = asyncio.ensure_future(read())
    await until(lambda: model.feed.subscribers)
    await workers.listen()
    one.tell("addresses", "shop: 10.0.0.1, 10.0.0.2", 100.0)
    await until(lambda: len(heard) == 1)
    other.tell("policy", "random", 101.0)  # switched: the parent has told it
    other.tell("addresses", "shop: 10.0.0.2, 10.0.0.1", 104.0)
    other.tell("unresolved", "shop.internal", 105.0)
    await until(lambda: len(heard) == 2)
    one.tell("unresolved", "shop.internal", 106.0)
    one.tell("down", "shop", 107.0)
    await until(lambda: len(heard) == 3)
    other.tell("down", "shop", 108.0)
    other.tell("addresses", "shop: 10.0.0.1, 10.0.0.2", 124.0)  # they were others meanwhile
    await until(lambda: len(heard) == 5)
    assert heard == [
        ("addresses", "shop: 10.0.0.1, 10.0.0.2", 100.0),
        ("unresolved", "shop.internal", 105.0),
        ("down", "shop", 107.0),
        ("down", "shop", 108.0),
        ("addresses", "shop: 10.0.0.1, 10.0.0.2", 124.0),
    ]
    reading.cancel()


async def test_a_worker_that_is_stopped_holds_up_no_subscriber(
    model: Balancer, open_sockets: AsyncExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers_module, "PATIENCE", 0.05)
    stopped, other = Scripted(tmp_path / "0.sock", answers=False), Scripted(tmp_path / "1.sock")
    workers = await workers_of(model, open_sockets, stopped, other)
    batches = model.feed.subscribe()
    async with asyncio.timeout(PATIENCE):
        await workers.listen()
    other.tell("up", "shop", 1.0)
    assert json.loads(await anext(batches))["what"] == "up"
    stopped.answers = True  # whoever subscribes next hears it, too
    await workers.listen()
    stopped.tell("down", "shop", 2.0)
    assert json.loads(await anext(batches))["what"] == "down"
    await batches.aclose()


async def test_a_hangup_leaves_nothing_behind(model: Balancer) -> None:
    workers = Workers(model, [], b"secret")
    workers.hang_up()
    assert len(model.tasks) == 1
    await until(lambda: not model.tasks)
    assert workers._tasks == []
