"""A process that was stopped, or whose machine slept: hours may have passed, and nobody had the chance to act in them.

test_processes.py has the same with signals, and a wall clock that jumps.
"""

import asyncio

from balancer.state import SWEEP
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Server, get, ok, until


async def test_what_was_asked_before_a_sleep_is_answered_after_it(start: Start) -> None:
    """A day passes between two sweeps: no 504, no 408, no idle client closed, nobody blamed."""
    go = asyncio.Event()

    async def script(line: Line) -> None:
        await line.message()
        await go.wait()
        line.send(ok(b"late"))

    rig = await start(Server(script))
    asking, typing, idle = [await rig.connect() for _ in range(3)]
    asking.send(get())
    typing.send(get()[:-2])
    await until(lambda: rig.servers["a"].lines and sum(bool(client._buffer) for client in rig.balancer.clients) == 1)
    await until(lambda: len(rig.balancer.clients) == 3)
    rig.clock.now += 86400
    rig.balancer.sweep()
    go.set()
    assert (await asking.answer()).body == b"late"
    typing.send(get()[-2:])
    assert (await typing.answer()).body == b"late"
    assert (await idle.ask(get())).body == b"late"
    assert rig.backend().counts.errors == 0


async def test_time_limits_go_on_after_a_sleep(start: Start) -> None:
    """What is left of them is what was left before it."""

    async def script(line: Line) -> None:
        await line.message()
        await line.closed()

    rig = await start(Server(script), response_timeout=5.0)
    line = await rig.connect()
    line.send(get())
    await until(lambda: rig.servers["a"].lines)
    rig.pass_time(3)
    rig.clock.now += 86400
    rig.balancer.sweep()
    rig.pass_time(1)
    assert rig.backend().in_flight == 1
    rig.pass_time(1 + 2 * SWEEP)
    assert (await line.answer()).status == 504


async def test_connections_that_slept_are_not_taken_for_kept(start: Start) -> None:
    """They have rested for a day: a GET may try one, a POST gets a new one, and nothing is proven by it."""
    rig = await start(Server())
    line, post = await rig.connect(), get("/", "Content-Length: 4", method="POST") + b"body"
    await line.ask(get())
    rig.clock.now += 86400
    assert (await line.ask(post)).status == 200
    assert len(rig.servers["a"].lines) == 2
    rig.balancer.sweep()
    assert rig.backend().trust.limit == 0
    assert (await line.ask(post)).status == 200
    assert len(rig.servers["a"].lines) == 3
