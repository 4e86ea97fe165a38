"""The feed: in order, bounded, never a wait; and what an event tells of a request."""

import asyncio
from hashlib import sha256

import pytest

from balancer.control import Control
from balancer.telling.events import MOST_TEXT
from balancer.telling.feed import MOST_BYTES, Feed, line_of
from servers.control import ControlError
from tests.balancer.rig import OUR_TIME, Rig, events, get, ok


def number(n: int) -> str:
    return line_of({"kind": "mark", "what": n})


async def test_everybody_gets_everything_from_their_first_moment_on() -> None:
    feed = Feed()
    first = events(feed.subscribe())
    feed.put(number(1))
    second = events(feed.subscribe())
    feed.put(number(2))
    assert [(await anext(first))["what"] for _ in range(2)] == [1, 2]
    assert (await anext(second))["what"] == 2


async def test_what_a_slow_reader_misses_is_counted_where_it_is_missing() -> None:
    feed = Feed(most_waiting=3)
    reader = feed.subscribe()
    for n in range(5):
        feed.put(number(n))
    dropped = line_of({"kind": "dropped", "count": 2})
    assert await anext(reader) == number(0) + number(1) + number(2) + dropped
    feed.put(number(5))
    assert await anext(reader) == number(5)


async def test_a_reader_that_has_stopped_costs_some_memory_and_no_more() -> None:
    feed = Feed()
    reader = feed.subscribe()
    long = line_of({"kind": "mark", "what": "x" * (MOST_BYTES // 4)})
    for _ in range(5):
        feed.put(long)
    assert await anext(reader) == long * 3 + line_of({"kind": "dropped", "count": 2})
    feed.put(long)
    assert await anext(reader) == long  # what has been read makes room again


async def test_a_reader_that_was_late_learns_at_the_end_what_it_missed() -> None:
    feed = Feed(most_waiting=1)
    reader = feed.subscribe()
    for n in range(3):
        feed.put(number(n))
    assert await anext(reader) == number(0) + line_of({"kind": "dropped", "count": 2})


async def test_who_has_left_costs_nothing() -> None:
    feed = Feed()
    reader = feed.subscribe()
    feed.put(number(1))
    await anext(reader)
    await reader.aclose()
    assert not feed.subscribers


def hash12(session: bytes) -> str:
    return sha256(session).hexdigest()[:12]


def control_of(rig: Rig) -> Control:
    return Control(rig.balancer, "127.0.0.1:1", asyncio.Event())


async def test_an_event_tells_the_beginning_of_a_long_path(rig: Rig) -> None:
    feed = events(rig.balancer.feed.subscribe())
    path = "/" + "x" * 20_000
    await rig.ask(get(path, f"Lab-User: {'u' * 5000}"))
    event = await anext(feed)
    assert event["path"] == path[:MOST_TEXT]
    assert event["user"] == "u" * MOST_TEXT


@pytest.mark.parametrize("label", [{"store": "x" * 257}, {"x" * 257: "redis"}])
async def test_a_label_that_would_swell_every_event_is_refused(rig: Rig, label: dict[str, str]) -> None:
    control = control_of(rig)
    with pytest.raises(ControlError, match="256 characters at most"):
        await control.label(**label)
    assert (await control.label(store="x" * 256))["labels"] == {"store": "x" * 256}


async def test_what_an_event_tells(rig: Rig) -> None:
    rig.servers["a"].reply = lambda message: ok(
        b"ok", "Session-Outcome: hit", "Session-Age: 12.5 3", "Set-Cookie: session_id=sess_new; Path=/"
    )
    await control_of(rig).label(store="redis")
    feed = events(rig.balancer.feed.subscribe())
    await rig.ask(get("/cart?x", "Cookie: a=b; session_id=sess_old", "Lab-User: ravi"))
    event = await anext(feed)
    assert 0 < event.pop("duration") < 5
    assert event.pop("time") == OUR_TIME
    assert event == {
        "kind": "request", "user": "ravi", "method": "GET", "path": "/cart?x", "server": "a", "policy": "round_robin",
        "store": "redis", "sent": hash12(b"sess_old"), "received": hash12(b"sess_new"),
        "outcome": "hit", "age": 12.5, "idle": 3.0, "session_in_flight": 1, "cookie_bytes": 24, "host": "shop.test",
        "status": 200, "moved": None,
    }  # fmt: skip
    assert "Lab-User: ravi" in rig.servers["a"].heard[0].raw.decode()


async def test_an_event_of_nothing_but_our_own_answer(start) -> None:
    rig = await start()
    feed = events(rig.balancer.feed.subscribe())
    assert (await rig.ask()).status == 503
    event = await anext(feed)
    assert (event["status"], event["server"], event["outcome"], event["sent"]) == (503, None, None, None)


async def test_requests_of_one_session_in_flight_are_told(rig: Rig) -> None:
    feed = events(rig.balancer.feed.subscribe())
    lines = [await rig.connect() for _ in range(2)]
    for line in lines:
        line.send(get("/", "Cookie: session_id=one"))
    for line in lines:
        await line.answer()
    assert sorted([(await anext(feed))["session_in_flight"] for _ in range(2)]) in ([1, 2], [1, 1])
    await rig.settled()
    assert rig.balancer.in_flight_of == {}


async def test_marks_tell_what_was_changed(rig: Rig) -> None:
    feed, control = events(rig.balancer.feed.subscribe()), control_of(rig)
    await control.policy("sticky_cookie")
    await control.add("127.0.0.1:9", name="z")
    await control.drain("z")
    await control.remove("z")
    rig.balancer.set_health(rig.backend("a"), False)
    rig.balancer.set_health(rig.backend("a"), True)
    await control.mark({"what": "store", "detail": "redis"})
    told = [await anext(feed) for _ in range(7)]
    assert [(event["what"], event["detail"]) for event in told] == [
        ("policy", "sticky_cookie"),
        ("add", "z"),
        ("drain", "z"),
        ("remove", "z"),
        ("down", "a"),
        ("up", "a"),
        ("store", "redis"),
    ]
    assert {event["kind"] for event in told} == {"mark"}


async def test_nothing_is_built_for_nobody(rig: Rig) -> None:
    await rig.ask(get("/", "Cookie: session_id=one"))
    feed = events(rig.balancer.feed.subscribe())
    await rig.ask(get("/second"))
    assert (await anext(feed))["path"] == "/second"
