"""The control commands, the counters they tell, and the admin port."""

import asyncio
import json
import re
from typing import Any

import pytest

from balancer.admin import respond
from balancer.control import Control, describe
from balancer.telling.metrics import exposition
from servers.control import ControlError, call, serve_control
from tests.balancer.rig import OUR_DATE, Line, Rig, Server, get, ok


def control_of(rig: Rig) -> Control:
    return Control(rig.balancer, "127.0.0.1:1", asyncio.Event())


def outcome(name: str) -> bytes:
    return ok(b"ok", f"Session-Outcome: {name}")


async def test_logouts_are_counted_as_users_feel_them(start) -> None:
    """An ID was sent, and answered as if by a stranger. `revoked` was ended on purpose: no logout."""
    said = iter(["none", "new", "hit", "unknown", "expired", "revoked", "store_error"])
    server = Server()
    server.reply = lambda message: outcome(next(said))
    rig = await start(server)
    for lines in ([], [], *[["Cookie: session_id=sess_1"]] * 5):
        await rig.ask(get("/", *lines))
    state = describe(rig.balancer, "here")
    counted = state["totals"]
    assert (counted["requests"], counted["with_session"], counted["logged_out"]) == (7, 5, 2)
    assert counted["outcomes"] == dict.fromkeys(
        ["none", "new", "hit", "unknown", "expired", "revoked", "store_error"], 1
    )
    assert counted["statuses"] == {"2xx": 7}
    (backend,) = state["backends"]
    assert {key: backend[key] for key in counted} == counted


async def test_outcomes_nobody_knows_are_not_counted(rig: Rig) -> None:
    rig.servers["a"].reply = lambda message: outcome("nonsense")
    await rig.ask()
    assert rig.totals()["outcomes"] == {}


async def test_only_the_field_itself_tells_an_outcome(rig: Rig) -> None:
    said = iter(
        [
            ["Session_Outcome: unknown"],
            ["Session-Outcome: hit", "Session_Outcome: unknown"],
            ["SESSION-OUTCOME:expired ", "Connection: close"],
            ["Session-Outcome: hit", "Session-Outcome: unknown"],
            ["Session-Outcome: un", "Session-Outcome: known"],
            ["X-Session-Outcome: unknown"],
        ]
    )
    rig.servers["a"].reply = lambda message: ok(b"ok", *next(said))
    for _ in range(6):
        await rig.ask(get("/", "Cookie: session_id=sess_1"))
    counted = rig.totals()
    assert counted["outcomes"] == {"hit": 1, "expired": 1}
    assert (counted["requests"], counted["with_session"], counted["logged_out"]) == (6, 2, 1)
    help_text = "Requests that carried a session ID, and whose answer told an outcome."
    assert f"# HELP balancer_backend_sessions_total {help_text}\n" in ask_admin(rig, "/metrics")[1]


async def test_counts_survive_the_backend(rig: Rig) -> None:
    await rig.ask()
    before = rig.totals()
    await control_of(rig).remove("a")
    assert rig.totals() == before
    assert (await rig.ask()).status == 503
    assert rig.totals()["requests"] == 2


async def test_switching_the_policy(start) -> None:
    rig = await start(Server(name="a"), Server(name="b"))
    control = control_of(rig)
    await control.policy("sticky_cookie")
    cookie = (await rig.ask())["set-cookie"].split(";")[0]
    bodies = {(await rig.ask(get("/", f"Cookie: {cookie}"))).body for _ in range(4)}
    assert len(bodies) == 1
    with pytest.raises(ControlError, match="did you mean round_robin"):
        await control.policy("round_robbin")
    assert (await control.state())["policy"] == "sticky_cookie"


async def test_moved_users_are_counted_with_the_reason(start) -> None:
    rig = await start(Server(name="a"), Server(name="b"), policy="sticky_cookie")
    answer = await rig.ask()
    cookie, home = answer["set-cookie"].split(";")[0], answer.body.decode()
    await control_of(rig).drain(home)
    assert (await rig.ask(get("/", f"Cookie: {cookie}"))).body.decode() == home
    await control_of(rig).remove(home)
    moved = await rig.ask(get("/", f"Cookie: {cookie}"))
    assert moved.body.decode() != home
    assert rig.totals()["moved"] == {"drained": 1}
    again = moved["set-cookie"].split(";")[0]
    assert "set-cookie" not in await rig.ask(get("/", f"Cookie: {again}"))
    assert rig.totals()["moved"] == {"drained": 1}


async def test_several_drain_at_once_and_give_their_users_away(start) -> None:
    rig = await start(*[Server(name=name) for name in "abc"], policy="sticky_cookie")
    control = control_of(rig)
    users = [f"Cookie: {(await rig.ask())['set-cookie'].split(';')[0]}" for _ in range(6)]
    with pytest.raises(ControlError, match="no backend is called 'd'"):
        await control.drain(["a", "d"], redispatch=True)
    assert not rig.backend("a").draining
    await control.drain(["a", "b"])
    assert {(await rig.ask(get("/", user))).body for user in users} == {b"a", b"b", b"c"}
    await control.drain(["a", "b"], redispatch=True)
    assert {(await rig.ask(get("/", user))).body for user in users} == {b"c"}
    assert rig.totals()["moved"] == {"drained": 4}
    assert [(b["name"], b["draining"], b["leaving"]) for b in (await control.state())["backends"]] == [
        ("a", True, True),
        ("b", True, True),
        ("c", False, False),
    ]
    await control.resume("a")
    assert {(await rig.ask()).body for _ in range(4)} == {b"a", b"c"}
    assert {(await rig.ask(get("/", user))).body for user in users} == {b"a", b"c"}, "whose cookie is still the old one"


async def test_a_server_that_is_reached_elsewhere_stays_who_it_is(start) -> None:
    rig = await start(Server(name="a"), Server(name="b"), policy="sticky_cookie")
    answer = await rig.ask()
    user, home = f"Cookie: {answer['set-cookie'].split(';')[0]}", answer.body.decode()
    before = [(b["name"], b["requests"]) for b in describe(rig.balancer, "")["backends"]]
    elsewhere = rig.servers["c"] = await Server(name="c").open()
    await control_of(rig).readdress(home, elsewhere.address)
    assert [(b["name"], b["requests"]) for b in describe(rig.balancer, "")["backends"]] == before
    answer = await rig.ask(get("/", user))
    assert (answer.body, "set-cookie" in answer, rig.totals()["moved"]) == (b"c", False, {})
    with pytest.raises(ControlError, match="looks like"):
        await control_of(rig).readdress(home, "nonsense")
    with pytest.raises(ControlError, match="no backend is called 'd'"):
        await control_of(rig).readdress("d", elsewhere.address)
    assert (await rig.ask(get("/", user))).body == b"c"


async def test_what_runs_where_it_was_goes_on_and_is_the_last_there(start) -> None:
    release = asyncio.Event()

    async def slow(line: Line) -> None:
        await line.message()
        await release.wait()
        line.send(ok(b"here"))

    here = Server(slow)
    rig = await start(here)
    elsewhere = rig.servers["b"] = await Server(name="elsewhere").open()
    line = await rig.connect()
    asked = asyncio.ensure_future(line.ask(get()))
    await here.arrived.get()
    await control_of(rig).readdress("a", elsewhere.address)
    release.set()
    assert (await asked).body == b"here"
    assert (await line.ask(get())).body == b"elsewhere"
    assert len(here.lines) == 1


async def test_adding(rig: Rig) -> None:
    control, server = control_of(rig), await Server(name="b").open()
    rig.servers["b"] = server
    await control.add(server.address, name="b", weight=3)
    assert [(await rig.ask()).body for _ in range(4)].count(b"b") == 3
    with pytest.raises(ControlError, match="there already"):
        await control.add(server.address, name="b")
    with pytest.raises(ControlError, match="looks like"):
        await control.add("nonsense")
    with pytest.raises(ControlError, match="weight"):
        await control.add("127.0.0.1:1", name="c", weight=0)


async def test_remove_can_wait_for_what_is_running(start) -> None:
    go = asyncio.Event()

    async def slow(line: Line) -> None:
        await line.message()
        await go.wait()
        line.send(ok(b"late"))

    rig = await start(Server(slow))
    line = await rig.connect()
    line.send(get())
    await rig.servers["a"].arrived.get()
    removing = asyncio.ensure_future(control_of(rig).remove("a", wait=True))
    await asyncio.sleep(0)
    assert (await rig.ask()).status == 503
    assert not removing.done()
    go.set()
    assert (await line.answer()).body == b"late"
    assert await removing == {"in_flight": 0}
    assert rig.totals()["statuses"] == {"2xx": 1, "5xx": 1}


async def test_unknown_backends_are_named(rig: Rig) -> None:
    with pytest.raises(ControlError, match="no backend is called 'x'; there are: a"):
        await control_of(rig).drain("x")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ({"do": "drain", "name": []}, "name: an empty list means no backend; name those that are to be drained"),
        ({"do": "drain", "name": {}}, "name: must be a text, not {}"),
        ({"do": "drain", "name": None}, "name: must be a text, not null"),
        ({"do": "drain", "name": ["a", 5]}, "name: must be a text, not 5"),
        ({"do": "drain", "name": "a", "redispatch": "no"}, 'redispatch: must be true or false, not "no"'),
        ({"do": "resume", "name": ["a"]}, 'name: must be a text, not ["a"]'),
        ({"do": "remove", "name": "a", "wait": 1}, "wait: must be true or false, not 1"),
        ({"do": "removed", "name": {}}, "name: must be a text, not {}"),
        ({"do": "add", "address": 8001}, "address: must be a text, not 8001"),
        ({"do": "add", "address": "127.0.0.1:1", "weight": True}, "weight: must be a whole number, not true"),
        (
            {"do": "add", "address": "localhost:9", "addresses": [5, {}]},
            "addresses: must be a list of IP addresses, not [5, {}]",
        ),
        (
            {"do": "add", "address": "localhost:9", "addresses": ["::1", "localhost"]},
            'addresses: must be a list of IP addresses, not ["::1", "localhost"]',
        ),
        (
            {"do": "add", "address": "localhost:9", "addresses": "::1"},
            'addresses: must be a list of IP addresses, not "::1"',
        ),
        ({"do": "policy", "name": ["random"]}, 'name: must be a text, not ["random"]'),
        ({"do": "label", "store": None}, "store: must be a text, not null"),
        ({"do": "mark", "event": "x"}, 'event: must be an object, not "x"'),
        ({"do": "explain", "request": None, "client": "::1"}, "request: must be a text, not null"),
        ({"do": "explain", "request": "", "client": 5}, "client: must be a text, not 5"),
    ],
)
async def test_values_of_another_type_are_refused(rig: Rig, short_folder, command: dict[str, Any], said: str) -> None:
    control = control_of(rig)
    server = await serve_control(short_folder / "balancer.sock", control.commands, control.streams)
    before = describe(rig.balancer, "here")
    try:
        with pytest.raises(ControlError, match=f"^{re.escape(said)}$"):
            await call(server.path, **command)
        assert describe(rig.balancer, "here") == before
    finally:
        await server.close()


async def test_over_the_socket(rig: Rig, short_folder) -> None:
    control = control_of(rig)
    server = await serve_control(short_folder / "balancer.sock", control.commands, control.streams)
    try:
        state = await call(server.path, "state")
        assert [backend["name"] for backend in state["backends"]] == ["a"]
        await call(server.path, "label", store="memory")
        assert (await call(server.path, "state"))["labels"] == {"store": "memory"}
        with pytest.raises(ControlError, match="unknown command"):
            await call(server.path, "explode")
    finally:
        await server.close()


def ask_admin(rig: Rig, path: str, method: str = "GET") -> tuple[int, str]:
    head = f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    answer = respond(head, describe(rig.balancer, "here"), OUR_DATE.encode() + b"\r\n").decode()
    assert answer.count(OUR_DATE) == 1
    return int(answer[9:12]), answer.partition("\r\n\r\n")[2]


async def test_metrics_are_prometheus_text(rig: Rig) -> None:
    status, text = ask_admin(rig, "/metrics")
    assert (status, text) == (200, "".join(exposition(describe(rig.balancer, "here"))))


async def test_state_is_json_and_other_paths_are_404(rig: Rig) -> None:
    status, text = ask_admin(rig, "/state?pretty")
    state: dict[str, Any] = json.loads(text)
    assert (status, state["backends"][0]["name"]) == (200, "a")
    assert ask_admin(rig, "/")[0] == 404
    assert ask_admin(rig, "/state", "POST")[0] == 405
    assert ask_admin(rig, "/state", "HEAD") == (200, "")
    assert ask_admin(rig, "/ state")[0] == 400


async def test_a_feed_that_begins_with_the_state_adds_up_to_it(rig: Rig, tmp_path) -> None:
    """While requests come all the time, none is missed between the state and the first event, and none told twice."""
    control = control_of(rig)
    asking = asyncio.create_task(ask_often(rig))
    for _ in range(3):
        feed = control.subscribe(state=True)
        lines: list[dict[str, Any]] = []
        async for batch in feed:
            lines += map(json.loads, batch.splitlines())
            if len(lines) > 20:
                break
        counted = rig.totals()["requests"]
        await feed.aclose()
        first, *events = lines
        assert (first["kind"], first["policy"]) == ("state", "round_robin")
        assert first["totals"]["requests"] + len(events) == counted
    asking.cancel()
    with pytest.raises(ControlError, match="state: must be true or false"):
        control.subscribe(state="yes")


async def ask_often(rig: Rig) -> None:
    while True:
        await rig.ask(get("/"))
