"""`--explain` foretells what then happens, byte for byte, and by foretelling it changes nothing."""

import ast
import asyncio
from pathlib import Path

import pytest

import balancer
from balancer.control import Control
from balancer.explain import WIDTH
from balancer.networks import host_port
from balancer.policies import POLICIES
from balancer.refusals import RULES, rule_of
from servers.control import ControlError
from tests.balancer.conftest import Start
from tests.balancer.rig import Rig, Server, get, ok

Page = dict[str, list[str]]


async def told(rig: Rig, data: bytes, client: str = "127.0.0.1") -> tuple[Page, bool]:
    """The explanation, by its labels."""
    control = Control(rig.balancer, host_port(*rig.address), asyncio.Event())
    answer = await control.explain(data.decode("latin-1"), client)
    page: Page = {}
    label = ""
    for line in answer["lines"]:
        label = line[:11].strip() or label
        page.setdefault(label, []).append(line[11:])
    return page, answer["served"]


REQUESTS = {
    "plain": get("/cart?a=1", "Cookie: session_id=abc; lab_server=0", "User-Agent: x"),
    "kept alive": get("/", "Connection: keep-alive"),
    "forged and hop-by-hop": get("/", "X-Forwarded-For: 9.9.9.9", "Connection: close, X-A", "X-A: 1", "TE: trailers"),
    "absolute": get("http://shop.test/a"),
    "old": b"GET /old HTTP/1.0\r\n\r\n",
    "old and kept": get("/old", "Connection: Keep-Alive", version="1.0"),
    "several cookies": get("/", "Cookie: a=b", "Cookie: session_id=c"),
    "a body": get("/", "Content-Length: 3", method="POST") + b"abc",
    "chunks": get("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n0\r\n\r\n",
    "an upgrade": get("/ws", "Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    "hops": get("/", "Max-Forwards: 3", method="OPTIONS"),
    "after an empty line": b"\r\n" + get("/"),
}


@pytest.mark.parametrize("data", REQUESTS.values(), ids=REQUESTS.keys())
async def test_the_head_is_sent_as_foretold(rig: Rig, data: bytes) -> None:
    line = await rig.connect()
    page, served = await told(rig, data)
    line.send(data)
    await line.until(b"\r\n\r\n")
    heard = rig.servers["a"].heard[0].raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert page["sent"] == heard
    assert served
    lost = {text.rpartition("  (")[0] for text in page["dropped"]} - {""}
    came = data.partition(b"\r\n\r\n")[0].decode().split("\r\n") if not data.startswith(b"\r\n") else []
    assert lost == (set(came) - set(heard) if came else set())


REFUSED = {
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "both framings": get("/", "Content-Length: 1", "Transfer-Encoding: chunked"),
    "a space before the colon": get("/", "A : b"),
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a bare line feed": b"GET / HTTP/1.1\nHost: a\r\n\r\n",
    "a HEAD": get("/", "Host: b", method="HEAD"),
    "an expectation": get("/", "Expect: wonders"),
    "too much": get("/", "A: " + "b" * 40_000),
    "a malformed body": get("/", "Transfer-Encoding: chunked", method="POST") + b"zz\r\n",
    "the end of its way": get("/", "Max-Forwards: 0", method="OPTIONS"),
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
async def test_a_refusal_is_answered_as_foretold(rig: Rig, data: bytes) -> None:
    page, served = await told(rig, data)
    line = await rig.connect()
    answer = await line.ask(data, bodyless=data.startswith(b"HEAD"))
    body = ["", answer.body.decode().rstrip()] if answer.body else []
    assert page["answer"] == [*answer.raw.decode().rstrip().split("\r\n"), *body]
    assert not served
    assert rig.servers["a"].heard == []
    assert rule_of("\n".join(page["refused"])) is not None


async def test_half_a_head_waits_for_its_other_half(rig: Rig) -> None:
    page, served = await told(rig, b"GET / HTTP/1.1\r\nHost: a\r\n")
    assert not served
    assert page["answer"][0] == "HTTP/1.1 408 Request Timeout"


async def test_nobody_there(start: Start) -> None:
    rig = await start()
    for data in (get(), get("/", "Connection: close"), get("/", version="1.0")):
        page, served = await told(rig, data)
        answer = await rig.ask(data)
        assert page["answer"] == [*answer.raw.decode().rstrip().split("\r\n"), "", answer.body.decode().rstrip()]
    assert (page["servers"], served) == (["none"], False)


@pytest.mark.parametrize("policy", POLICIES)
async def test_the_choice_is_foretold_and_nobodys_turn_is_used(start: Start, policy: str) -> None:
    servers = [Server(name=name) for name in "abc"]
    rig = await start(*servers, policy=policy, seed=1)
    cookie = "a=b"
    for turn in range(12):
        if turn == 6:
            rig.balancer.set_health(rig.backend("b"), False)
        data = get("/", f"Cookie: {cookie}")
        before, tasks, clients = rig.totals(), len(rig.balancer.tasks), set(rig.balancer.clients)
        pages = [await told(rig, data) for _ in range(3)]
        assert all(served and page == pages[0][0] for page, served in pages)
        assert rig.totals() == before
        assert (len(rig.balancer.tasks), rig.balancer.clients) == (tasks, clients)
        answer = await rig.ask(data)
        await rig.settled()
        (page, _), _, _ = pages
        chosen, _, why = " ".join(page["choice"]).partition(": ")
        assert chosen == answer.body.decode()
        assert why
        given = page.get("answer", [""])[0].removeprefix("gets Set-Cookie: ")
        assert given == (answer["Set-Cookie"] if "set-cookie" in answer else "")
        moves = {reason: count - before["moved"].get(reason, 0) for reason, count in rig.totals()["moved"].items()}
        assert page.get("moved", []) == [reason for reason, count in moves.items() if count]
        cookie = given.partition(";")[0] or cookie


WHY = {
    "round_robin": "its turn, 1 of 2",
    "random": "drawn by lot, with 1 of 2 lots",
    "least_busy": "nobody has less in flight",
    "two_choices": "the less busy of two",
    "ip_hash": "the address 10.0.0.7 belongs there",
    "rendezvous": "the address 10.0.0.7 belongs there",
    "sticky_cookie": "no cookie lab_server, so a new user; its turn, 1 of 2",
}


@pytest.mark.parametrize("policy", POLICIES)
async def test_every_policy_says_why(start: Start, policy: str) -> None:
    rig = await start(Server(), Server(), policy=policy)
    page, _ = await told(rig, get(), "10.0.0.7")
    assert WHY[policy] in " ".join(page["choice"])
    assert page["policy"] == [policy]


async def test_why_a_user_stays_or_has_to_go(start: Start) -> None:
    servers = [Server(), Server()]
    for server in servers:
        server.reply = lambda message, server=server: ok(server.name.encode())
    rig = await start(*servers, policy="sticky_cookie", sticky="hard")
    cookie = "Cookie: " + (await rig.ask())["Set-Cookie"].partition(";")[0]
    page, _ = await told(rig, get("/", cookie))
    assert page["choice"] == ["a: the cookie lab_server names it"]
    page, _ = await told(rig, get("/", "Cookie: lab_server=guess"))
    assert page["moved"] == ["bad_cookie"]
    assert "leads nowhere (bad_cookie)" in " ".join(page["choice"])
    rig.balancer.set_health(rig.backend("a"), False)
    page, served = await told(rig, get("/", cookie))
    assert not served
    assert page["refused"] == ["this user's server is not available"]
    assert "a: down" in page["servers"][0]


async def test_servers_as_they_are(start: Start) -> None:
    rig = await start(Server(), Server(), Server(), slow_start=10.0)
    backend = rig.backend("a")
    backend.draining = True
    rig.balancer.set_health(rig.backend("b"), False)
    rig.balancer.pool.came_up(rig.backend("c"))
    rig.balancer.pool.changed()
    page, _ = await told(rig, get())
    assert page["servers"] == [
        "a: draining, keeps its users; weight 1, 0 in flight",
        "b: down; weight 1, 0 in flight",
        "c: up, starting slowly (1 of 10); weight 1, 0 in flight",
    ]


async def test_what_is_said_is_calm_and_safe(rig: Rig) -> None:
    control = Control(rig.balancer, "127.0.0.1:1", asyncio.Event())
    data = get("/" + "a" * 30, "A: \x9b31m\xff\tb", "Cookie: session_id=" + "s" * 20)
    lines = (await control.explain(data.decode("latin-1"), "::1"))["lines"]
    assert all(line.isascii() and line.isprintable() and len(line) <= WIDTH for line in lines)
    assert "           A: \\x9b31m\\xff\\x09b" in lines
    for client in ("", "nonsense", "1.2.3.4\r\nX: y"):
        with pytest.raises(ControlError, match="an address looks like"):
            await control.explain("", client)
    with pytest.raises(ControlError):
        await control.explain("\u20ac", "::1")


def test_every_refusal_of_a_request_has_its_rule() -> None:
    reasons = set()
    folder = Path(balancer.__file__).parent
    for name in ("http1", "fields", "unfinished", "bodies", "front"):
        for call in ast.walk(ast.parse((folder / f"{name}.py").read_text())):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Name)
                and call.func.id in ("Refused", "_may_still_come")
            ):
                status = call.args[0]
                if not (isinstance(status, ast.Constant) and status.value in (502, 503)):
                    words = [n.value for n in ast.walk(call.args[-1]) if isinstance(n, ast.Constant)]
                    reasons |= {"".join(word for word in words if isinstance(word, str))} - {""}
    assert len(reasons) > 20
    assert [reason for reason in reasons if rule_of(reason) is None] == []
    assert [words for words in RULES if not any(words in reason for reason in reasons)] == []
