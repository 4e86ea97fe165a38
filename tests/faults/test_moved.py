"""How many users were moved, and why: what the balancer counts is what the users themselves have seen."""

import asyncio
import sys
from collections import Counter

import pytest

from balancer.control import Control
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Rig, Server, get

USERS = 60


class User:
    """One browser: a connection, a cookie, and a memory of where it was last."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.cookie = ""
        self.server = ""
        self.moves = 0

    async def visit(self) -> int:
        answer = await self.line.ask(get("/", *([f"Cookie: {self.cookie}"] if self.cookie else [])))
        if answer.status == 200:
            server = answer.body.decode()
            self.moves += bool(self.server) and server != self.server
            self.server = server
        if "set-cookie" in answer:
            self.cookie = answer["set-cookie"].split(";")[0]
        return answer.status


async def everybody(users: list[User]) -> Counter[int]:
    return Counter(await asyncio.gather(*(user.visit() for user in users)))


def on(users: list[User], *servers: str) -> int:
    return sum(user.server in servers for user in users)


@pytest.mark.parametrize("fallback", ["round_robin", "least_busy", "rendezvous"])
async def test_sticky_users(start: Start, fallback: str) -> None:
    """Sixty users, who all ask again after each change. Nobody gets an error, and whoever is moved is moved once."""
    rig = await start(*[Server(name=name) for name in "abcde"], policy="sticky_cookie", sticky_fallback=fallback)
    control = Control(rig.balancer, "127.0.0.1:1", asyncio.Event())
    users = [User(await rig.connect()) for _ in range(USERS)]
    expected: Counter[str] = Counter()
    visits = 0

    async def all_visit() -> None:
        nonlocal visits
        for _ in range(2):
            assert await everybody(users) == {200: USERS}
            visits += USERS
        assert rig.totals()["moved"] == +expected
        assert sum(user.moves for user in users) == expected.total()

    await all_visit()
    expected["drained"] += on(users, "a", "b")
    await control.drain(["a", "b"], redispatch=True)
    await all_visit()
    assert on(users, "a", "b") == 0
    await control.resume("a")
    await control.resume("b")
    await control.drain("c")
    await all_visit()  # it keeps them
    expected["drained"] += on(users, "c")
    await control.remove("c")
    await all_visit()
    expected["gone"] += on(users, "d")
    await control.remove("d")
    await all_visit()
    expected["down"] += on(users, "e")
    rig.balancer.set_health(rig.backend("e"), False)
    await all_visit()
    for user in users[:7]:
        user.cookie = user.cookie[:-1] + ("0" if user.cookie[-1] != "0" else "1")
        user.server = ""
    expected["bad_cookie"] = 7
    for _ in range(2):
        assert await everybody(users) == {200: USERS}
    assert rig.totals()["moved"] == +expected
    assert rig.totals()["requests"] == visits + 2 * USERS


async def test_users_of_a_server_that_fails_their_requests(start: Start) -> None:
    """Each is served by another at once, and moved; `failed` until the server is found to be down, `down` after."""
    rig = await start(*[Server(name=name) for name in "abc"], policy="sticky_cookie", fall=3)
    users = [User(await rig.connect()) for _ in range(USERS)]
    await everybody(users)
    there = on(users, "a")
    rig.servers["a"].stop_listening()
    rig.balancer.close_idle(rig.backend("a"))
    for user in users:
        assert await user.visit() == 200
    assert rig.totals()["moved"] == {"failed": 3, "down": there - 3}
    assert sum(user.moves for user in users) == there
    assert rig.totals()["retried"] == 3


async def test_hard_users_are_told_to_wait_and_not_moved(start: Start) -> None:
    rig = await start(*[Server(name=name) for name in "abc"], policy="sticky_cookie", sticky="hard")
    users = [User(await rig.connect()) for _ in range(USERS)]
    await everybody(users)
    there = on(users, "a")
    rig.balancer.set_health(rig.backend("a"), False)
    assert await everybody(users) == {200: USERS - there, 503: there}
    rig.balancer.set_health(rig.backend("a"), True)
    assert await everybody(users) == {200: USERS}
    assert rig.totals()["moved"] == {}
    assert sum(user.moves for user in users) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets clients come from all of 127.0.0.0/8")
@pytest.mark.parametrize("policy", ["ip_hash", "rendezvous"])
async def test_clients_known_by_their_address(start: Start, policy: str) -> None:
    """Sixty addresses. Removing one server of five moves its own clients, and with ip_hash most others', too."""
    rig = await start(*[Server(name=name) for name in "abcde"], policy=policy)
    users = [User(await address_of_its_own(rig, n)) for n in range(USERS)]
    for change in ("none", "remove", "down", "up"):
        there = on(users, "a")
        before = sum(user.moves for user in users)
        if change == "remove":
            rig.balancer.remove(rig.backend("a"))
        elif change != "none":
            rig.balancer.set_health(rig.backend("b"), change == "up")
        for _ in range(3):
            assert await everybody(users) == {200: USERS}
        if change == "remove" and policy == "rendezvous":
            assert sum(user.moves for user in users) - before == there > 0
        assert rig.totals()["moved"].get("rehashed", 0) == sum(user.moves for user in users)
    assert sum(user.moves for user in users) > 0


async def address_of_its_own(rig: Rig, n: int) -> Line:
    return await rig.connect(local_addr=(f"127.0.1.{n + 1}", 0))
