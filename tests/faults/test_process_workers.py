"""Workers: one port, one control channel, one admin port, one feed; a worker that dies is replaced."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from balancer.processes.standing import counted, summed
from servers.control import ControlError, call, stream
from tests.balancer.rig import Answer, Line, Server, get, ok, until
from tests.faults.processes import Processes, ended

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])  # the balancer's own loop is in its processes

WORKERS = ("--workers", "2")


@pytest.fixture
async def servers() -> AsyncIterator[list[Server]]:
    opened = [await Server(name=name).open() for name in ("a", "b")]
    yield opened
    for server in opened:
        await server.close()


@pytest.fixture
def addresses(servers: list[Server]) -> list[str]:
    return [f"{server.name}={server.address}" for server in servers]


async def connected(address: tuple[str, int]) -> Line:
    return Line(*await asyncio.open_connection(*address))


async def ask(address: tuple[str, int], *lines: str) -> Answer:
    """One request on a connection of its own: the kernel chooses the worker."""
    line = await connected(address)
    answer = await line.ask(get("/", *lines))
    await line.hang_up()
    return answer


async def until_both_have_served(processes: Processes, address: tuple[str, int], *lines: str) -> list[Answer]:
    answers = []
    while not all(worker["requests"] for worker in (await processes.tell("state"))["workers"]):
        answers.append(await ask(address, *lines))
    return answers


async def killed(processes: Processes, number: int) -> dict[str, Any]:
    """Kill this worker, and return once another has its number."""
    state = await processes.tell("state")
    pid = state["workers"][number]["pid"]
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(20):
        while True:
            state = await processes.tell("state")
            if len(state["workers"]) == 2 and pid not in [worker["pid"] for worker in state["workers"]]:
                return state


def folder_of(pid: int) -> Path:
    """Where this worker's own control socket is."""
    return Path(Path(f"/proc/{pid}/cmdline").read_text().split("\0")[-2]).parent


async def test_counters_are_those_of_all_workers(
    processes: Processes, servers: list[Server], addresses: list[str]
) -> None:
    servers[0].reply = servers[1].reply = lambda message: ok(b"ok", "Session-Outcome: unknown")
    _, address = await processes.balancer(*addresses, options=WORKERS)
    answers = await until_both_have_served(processes, address, "Cookie: session_id=x")
    state = await processes.tell("state")
    totals = state["totals"]
    assert totals["requests"] == totals["logged_out"] == len(answers)
    assert (totals["statuses"], totals["outcomes"]) == ({"2xx": len(answers)}, {"unknown": len(answers)})
    assert sum(backend["requests"] for backend in state["backends"]) == len(answers)
    assert sum(worker["requests"] for worker in state["workers"]) == len(answers)


async def test_round_robin_is_strict_within_each_worker(
    processes: Processes, servers: list[Server], addresses: list[str]
) -> None:
    _, address = await processes.balancer(*addresses, options=WORKERS)
    for _ in range(6):
        line = await connected(address)
        names = [(await line.ask(get())).body for _ in range(6)]
        assert names in ([b"a", b"b"] * 3, [b"b", b"a"] * 3)
        await line.hang_up()


async def test_each_worker_draws_in_its_own_way_and_the_same_again(servers: list[Server], addresses: list[str]) -> None:
    """From --seed and the worker's number."""

    async def drawn() -> dict[int, list[bytes]]:
        """By worker: whom the first 16 requests went to."""
        async with Processes() as these:
            options = (*WORKERS, "--policy", "random", "--seed", "7")
            _, address = await these.balancer(*addresses, options=options)
            found: dict[int, list[bytes]] = {}
            while len(found) < 2:
                before = (await these.tell("state"))["workers"]
                line = await connected(address)
                bodies = [(await line.ask(get())).body for _ in range(16)]
                await line.hang_up()
                after = (await these.tell("state"))["workers"]
                number = next(n for n in (0, 1) if after[n]["requests"] > before[n]["requests"])
                found.setdefault(number, bodies)
            return found

    first = await drawn()
    assert first[0] != first[1]
    assert await drawn() == first


async def test_a_user_is_known_to_every_worker(
    processes: Processes, servers: list[Server], addresses: list[str]
) -> None:
    _, address = await processes.balancer(*addresses, options=(*WORKERS, "--policy", "sticky_cookie"))
    first = await ask(address)
    cookie = "Cookie: " + first["set-cookie"].split(";")[0]
    answers = await until_both_have_served(processes, address, cookie)
    assert {answer.body for answer in answers} == {first.body}
    assert not any("set-cookie" in answer for answer in answers)


async def test_commands_are_done_by_all_and_known_to_those_who_come_later(
    processes: Processes, servers: list[Server], addresses: list[str]
) -> None:
    """Policy, servers, drains, labels; and why a server that was removed is gone."""
    third = await Server(name="c").open()
    _, address = await processes.balancer(*addresses, options=WORKERS)
    await processes.tell("policy", name="sticky_cookie")
    while (cookie := await ask(address)).body != b"a":
        pass
    await processes.tell("add", address=third.address, name="c", weight=2)
    await processes.tell("drain", name="a")
    await processes.tell("label", store="redis")
    assert await processes.tell("remove", name="a", wait=True) == {"in_flight": 0}
    for number in (0, 1):
        state = await killed(processes, number)
    assert (state["policy"], state["labels"]) == ("sticky_cookie", {"store": "redis"})
    assert [(backend["name"], backend["weight"]) for backend in state["backends"]] == [("b", 1), ("c", 2)]
    answers = await until_both_have_served(processes, address, "Cookie: " + cookie["set-cookie"].split(";")[0])
    assert {answer.body for answer in answers} <= {b"b", b"c"}
    assert (await processes.tell("state"))["totals"]["moved"]["drained"] == len(answers)
    await third.close()


async def test_a_server_is_reached_elsewhere_by_all_and_by_those_who_come_later(
    processes: Processes, servers: list[Server], addresses: list[str]
) -> None:
    third = await Server(name="c").open()
    _, address = await processes.balancer(*addresses, options=WORKERS)
    await processes.tell("readdress", name="a", address=third.address)
    answers = [*await until_both_have_served(processes, address), *[await ask(address) for _ in range(8)]]
    assert {answer.body for answer in answers} == {b"b", b"c"}
    state = await killed(processes, 0)
    assert [(backend["name"], backend["address"]) for backend in state["backends"]] == [
        ("a", third.address),
        ("b", servers[1].address),
    ]
    answers = [*await until_both_have_served(processes, address), *[await ask(address) for _ in range(8)]]
    assert {answer.body for answer in answers} == {b"b", b"c"}
    await third.close()


async def test_what_is_refused_nobody_has_done(
    processes: Processes, servers: list[Server], addresses: list[str]
) -> None:
    await processes.balancer(*addresses, options=WORKERS)
    with pytest.raises(ControlError, match="did you mean round_robin"):
        await processes.tell("policy", name="round_robbin")
    with pytest.raises(ControlError, match="a is there already"):
        await processes.tell("add", address=servers[0].address, name="a")
    with pytest.raises(ControlError, match="it takes name"):
        await processes.tell("policy")
    state = await processes.tell("state")
    assert (state["policy"], [backend["name"] for backend in state["backends"]]) == ("round_robin", ["a", "b"])


async def test_removing_waits_for_the_requests_of_all(processes: Processes) -> None:
    go = asyncio.Event()

    async def slow(line: Line) -> None:
        await line.message()
        await go.wait()
        line.send(ok(b"late"))

    server = await Server(slow, name="a").open()
    _, address = await processes.balancer(f"a={server.address}", options=(*WORKERS, "--health-path", ""))
    lines: list[Line] = []
    while not all(worker["connections"] for worker in (await processes.tell("state"))["workers"]):
        lines.append(await connected(address))
        lines[-1].send(get())
        await server.arrived.get()
    removing = asyncio.ensure_future(processes.tell("remove", name="a", wait=True))
    while (await processes.tell("state"))["backends"]:
        pass
    assert not removing.done()
    go.set()
    assert [(await line.answer()).body for line in lines] == [b"late"] * len(lines)
    assert await removing == {"in_flight": 0}
    for line in lines:
        await line.hang_up()
    await server.close()


async def test_one_feed_tells_of_all(processes: Processes, servers: list[Server], addresses: list[str]) -> None:
    """Every request once, whichever worker served it; and a switch once, not once for each worker."""
    _, address = await processes.balancer(*addresses, options=WORKERS)
    await processes.tell("label", store="redis")
    told: list[dict[str, Any]] = []

    async def listen() -> None:
        async for event in stream(processes.control, "subscribe"):
            told.append(event)

    listening = asyncio.ensure_future(listen())
    while not (await processes.tell("state"))["subscribers"]:
        pass
    await killed(processes, 0)
    answers = await until_both_have_served(processes, address)
    await processes.tell("policy", name="random")
    await until(lambda: sum(event["kind"] == "request" for event in told) == len(answers))
    await until(lambda: any(event.get("what") == "policy" for event in told))
    await processes.tell("mark", event={"what": "the end"})
    await until(lambda: told[-1].get("what") == "the end")
    kinds = Counter(event["kind"] for event in told)
    assert kinds == {"request": len(answers), "mark": 2}
    assert {event["store"] for event in told if event["kind"] == "request"} == {"redis"}
    listening.cancel()


async def test_a_killed_worker_is_replaced_and_its_counts_stay(
    processes: Processes, servers: list[Server], addresses: list[str]
) -> None:
    """Counts as of the last look: the parent looks twice a second, and whenever it is asked."""
    _, address = await processes.balancer(*addresses, options=WORKERS)
    await until_both_have_served(processes, address)
    before = await processes.tell("state")
    after = await killed(processes, 1)
    assert after["totals"] == before["totals"]
    assert after["workers"][1]["requests"] == 0
    assert [backend["requests"] for backend in after["backends"]] == [b["requests"] for b in before["backends"]]
    assert [b["addresses"] for b in after["backends"]] == [["127.0.0.1"]] * 2
    pid = before["workers"][1]["pid"]
    assert processes.said() == f"balancer: worker 1 (process {pid}) was killed by SIGKILL; another starts in 0.1 s\n"
    await until_both_have_served(processes, address)


async def test_connections_wait_for_the_next_worker(
    processes: Processes, servers: list[Server], addresses: list[str]
) -> None:
    """Both workers are killed; whoever connects then is served when there are others. Nobody is refused."""
    _, address = await processes.balancer(*addresses, options=WORKERS)
    for worker in (await processes.tell("state"))["workers"]:
        os.kill(worker["pid"], signal.SIGKILL)
    answers = await asyncio.gather(*(ask(address) for _ in range(50)))
    assert [answer.status for answer in answers] == [200] * 50


async def test_workers_end_with_their_parent(processes: Processes, servers: list[Server], addresses: list[str]) -> None:
    """Even when it is killed; and nothing is left of them."""
    parent, _ = await processes.balancer(*addresses, options=WORKERS)
    pids = [worker["pid"] for worker in (await processes.tell("state"))["workers"]]
    pidfds = [os.pidfd_open(pid) for pid in pids]
    folder = folder_of(pids[0])
    parent.kill()
    for pidfd in pidfds:
        await ended(pidfd)
    assert not folder.exists()
    assert processes.said() == ""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, None])
async def test_stopping_ends_all_when_their_work_is_done(how: signal.Signals | None, processes: Processes) -> None:
    go = asyncio.Event()

    async def slow(line: Line) -> None:
        await line.message()
        await go.wait()
        line.send(ok(b"late"))

    server = await Server(slow).open()
    parent, address = await processes.balancer(server.address, options=(*WORKERS, "--health-path", ""))
    pidfds = [os.pidfd_open(worker["pid"]) for worker in (await processes.tell("state"))["workers"]]
    line = await connected(address)
    line.send(get())
    await server.arrived.get()
    if how is None:
        await call(processes.control, "shutdown")
    else:
        parent.send_signal(how)
    async with asyncio.timeout(10):
        while True:
            try:
                await (await connected(address)).hang_up()
            except ConnectionRefusedError:
                break
    go.set()
    answer = await line.answer()
    assert (answer.status, answer.body, answer["connection"]) == (200, b"late", "close")
    for pidfd in pidfds:
        await ended(pidfd)
    assert await parent.wait() == 0
    assert processes.said() == ""
    assert not processes.control.exists()
    await line.hang_up()
    await server.close()


@pytest.mark.parametrize(("count", "said"), [("0", "must be at least 1"), ("257", "at most 256")])
async def test_how_many(count: str, said: str, processes: Processes) -> None:
    process, line = await processes.start(sys.executable, "-m", "balancer", "--workers", count)
    assert (await process.wait(), line) == (2, "")
    assert said in processes.said()
    assert processes.said().count("\n") == 1


async def test_sums() -> None:
    """Numbers are added, flags hold if they hold for all, and what is the same for all is not added up."""

    def state(requests: int, statuses: dict[str, int], healthy: bool) -> dict[str, Any]:
        counts = {"requests": requests, "statuses": statuses}
        row = {
            "name": "a",
            "weight": 3,
            "draining": False,
            "leaving": False,
            "healthy": healthy,
            "in_flight": 2,
            "trouble": "" if healthy else "Connection refused",
            **counts,
        }
        turned_away = {"no TLS": requests}
        return {"connections": 5, "log_dropped": 1, "turned_away": turned_away, "totals": counts, "backends": [row]}

    model = state(0, {}, True) | {"connections": 0, "log_dropped": 0, "policy": "random"}
    one, other = state(1, {"2xx": 1}, True), state(4, {"2xx": 3, "5xx": 1}, False)
    together = summed(model, [one, counted(other)])
    assert (together["policy"], together["connections"], together["log_dropped"]) == ("random", 5, 2)
    assert together["turned_away"] == {"no TLS": 5}
    assert together["totals"] == {"requests": 5, "statuses": {"2xx": 4, "5xx": 1}}
    (row,) = together["backends"]
    assert row == {
        "name": "a", "weight": 3, "draining": False, "leaving": False, "healthy": True, "in_flight": 2,
        "trouble": "Connection refused", **together["totals"],
    }  # fmt: skip
    assert summed(model, [one, other])["backends"][0]["healthy"] is False
