"""Folds: exact numbers from feeds whose numbers are known, and nothing that depends on how events arrive."""

import tracemalloc
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.events import complaint
from scenarios.folds.fold import Fold
from scenarios.folds.records import Counts
from scenarios.folds.series import Series
from tests.scenarios.feeds import START, act, act_end, begin, clicks, incident, mark, record, request, servers, ticket

Event = dict[str, Any]


def folded(events: list[Event], **options: Any) -> Fold:
    fold = Fold(**options)
    fold.feed_all(events)
    return fold


def contents(value: Any) -> Any:
    """Everything a fold holds, comparable."""
    if isinstance(value, Fold):
        return {name: contents(held) for name, held in vars(value).items() if name != "_fold"}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: contents(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {key: contents(held) for key, held in value.items()}
    return [contents(held) for held in value] if hasattr(value, "__iter__") and not isinstance(value, str) else value


def test_the_incident_has_the_numbers_it_was_made_with() -> None:
    fold = folded(incident())
    assert fold.totals == Counts(300, 300, 90)
    assert fold.totals.rate == 0.3
    assert fold.rate_now == 0.0
    assert fold.theory == 0.0
    assert (fold.store, fold.policy) == ("redis", "round_robin")
    assert fold.ticket_count == 2
    assert [ticket.text for ticket in fold.tickets] == ["I keep getting logged out!", "My cart is empty again"]
    assert [done["name"] for done in fold.acts] == ["one-server", "ten-servers"]
    assert [(moment.number, moment.what, moment.detail) for moment in fold.moments] == [
        (0, "scale", "to 1"),
        (1, "act", "one-server"),
        (2, "scale", "from 1 to 10"),
        (3, "act", "ten-servers"),
        (4, "store", "redis, 60 sessions moved"),
        (5, "act", "shared-store"),
    ]


@pytest.mark.parametrize(
    ("outcome", "sent", "with_session", "logged_out", "known"),
    [
        ("hit", "a", 1, 0, 1),
        ("unknown", "a", 1, 1, 0),
        ("expired", "a", 1, 1, 0),
        ("revoked", "a", 1, 0, 0),  # ended on purpose
        ("store_error", "a", 1, 0, 0),  # nobody was answered as a stranger
        ("none", None, 0, 0, 0),
        ("new", None, 0, 0, 0),
        (None, "a", 0, 0, 0),  # no server said anything
    ],
)
def test_what_counts_as_a_logout(
    outcome: str | None, sent: str | None, with_session: int, logged_out: int, known: int
) -> None:
    fold = folded([request(0, outcome=outcome, sent=sent)])
    assert fold.totals == Counts(1, with_session, logged_out)
    row = fold.servers["server-1"]
    assert (row.requests, row.known, row.unknown) == (1, known, logged_out)


def test_a_request_no_server_answered_is_a_request_of_nobody() -> None:
    fold = folded([request(0, server=None, outcome=None, status=503), request(1, status=503, outcome="store_error")])
    assert fold.totals == Counts(2, 1, 0)
    assert list(fold.servers) == ["server-1"]
    assert fold.servers["server-1"].errors == 1


def test_no_wristband_at_all_is_no_rate() -> None:
    fold = folded([request(0, sent=None, outcome="none")])
    assert fold.totals.rate is None
    assert fold.rate_now is None
    assert [bucket.rate for bucket in fold.series.buckets(10)] == [None]


def test_shares_add_up() -> None:
    fold = folded(clicks(0, 3, 4))
    shares = [fold.share(row) for row in fold.servers.values()]
    assert shares == [9 / 30, 9 / 30, 6 / 30, 6 / 30]


def test_shares_are_those_since_the_last_change() -> None:
    """A server whose process is new has answered little of all there was, and just as much as the others since."""
    fold = folded(clicks(0, 3, 4))
    fold.feed({"kind": "law", "time": START + 3, "theory_rate": 0.75})
    assert [fold.share(row) for row in fold.servers.values()] == [None] * 4
    fold.feed(request(3.1, server="server-4"))
    assert [fold.share(row) for row in fold.servers.values()] == [0, 0, 0, 1]


def test_the_rate_now_is_the_last_five_seconds_and_of_this_act() -> None:
    fold = folded(clicks(0, 10))
    assert fold.rate_now == 0.9
    fold.feed_all(clicks(10, 4, known=10))
    assert 0.1 < (fold.rate_now or 0) < 0.3  # one second in five is from before
    fold.feed_all(clicks(14, 2, known=10))
    assert fold.rate_now == 0.0
    fold.feed_all(clicks(16, 1))
    fold.feed(act(17, "next"))
    assert fold.rate_now is None
    fold.feed(request(17.1))
    assert fold.rate_now == 0.0


def test_silence_shows_as_silence() -> None:
    fold = folded(clicks(0, 3))
    fold.advance(START + 20)
    assert fold.rate_now is None
    assert fold.totals.rate == 0.9
    assert [bucket.rate for bucket in fold.series.buckets(4)] == [None] * 4
    fold.advance(START + 10)  # a clock that steps back changes nothing
    assert fold.now == START + 20


def test_the_series_has_one_bucket_a_second_and_the_theory_of_its_time() -> None:
    buckets = folded(incident()).series.buckets(100)
    assert [bucket.start for bucket in buckets] == [START + second for second in range(30)]
    assert [bucket.rate for bucket in buckets] == [0.0] * 10 + [0.9] * 10 + [0.0] * 10
    assert [bucket.theory for bucket in buckets] == [0.0] * 10 + [0.9] * 10 + [0.0] * 10


def test_finer_buckets_for_fast_runs() -> None:
    fold = folded(clicks(0, 2), bucket=0.5)
    assert len(fold.series.buckets(100)) == 4


def test_rows_begin_anew_with_an_act_and_keep_their_health() -> None:
    fold = folded([servers(0, 2), *clicks(0, 1, 2), mark(1, "kill", "server-2"), act(1.5, "next", 2)])
    assert {name: (row.requests, row.health) for name, row in fold.servers.items()} == {
        "server-1": (0, "up"),
        "server-2": (0, "down"),
    }
    assert fold.totals.requests == 10
    assert fold.act is not None
    assert fold.act.counts == Counts()


def test_what_the_balancer_says_of_scaling_is_one_moment() -> None:
    events = [servers(0, 1), *[mark(1, "add", f"server-{n}") for n in range(2, 11)], servers(1.1, 10)]
    events += [mark(2, "drain", "server-10")]
    fold = folded(events)
    assert fold.servers["server-10"].health == "draining"
    fold.feed_all([mark(2.1, "remove", "server-10"), servers(2.2, 9)])
    assert [moment.detail for moment in fold.moments] == ["to 1", "from 1 to 10", "from 10 to 9"]
    assert len(fold.servers) == 9


@pytest.mark.parametrize(
    ("marks", "health", "moments"),
    [
        (["up"], "up", []),  # no news
        (["down"], "down", ["down"]),
        (["kill", "down"], "down", ["kill"]),
        (["kill", "down", "up"], "up", ["kill", "up"]),
        (["pause", "down"], "paused", ["pause"]),
        (["pause", "resume"], "up", ["pause", "resume"]),
        (["partition", "down"], "partitioned", ["partition"]),
        (["partition", "down", "reconnect", "up"], "up", ["partition", "reconnect"]),
        (["partition", "restart"], "up", ["partition", "restart"]),
        (["slow"], "slow", ["slow"]),
        (["slow", "down", "up"], "slow", ["slow", "down", "up"]),
        (["slow", "slow", "reconnect"], "up", ["slow", "slow", "reconnect"]),
        (["slow", "pause", "resume"], "slow", ["slow", "pause", "resume"]),
        (["slow", "kill", "restart"], "up", ["slow", "kill", "restart"]),
        (["drain", "slow"], "draining", ["slow"]),
        (["slow", "drain", "reconnect"], "draining", ["slow", "reconnect"]),
        (["slow", "drain", "undrain"], "slow", ["slow"]),
        (["drain", "drained"], "draining", ["drained"]),
        (["drain", "drained", "undrain", "undrained"], "up", ["drained", "undrained"]),
        (["drain", "remove", "add", "restart"], "up", ["restart"]),
    ],
)
def test_the_health_of_a_server(marks: list[str], health: str, moments: list[str]) -> None:
    fold = folded([request(0), *(mark(1, what, "server-1") for what in marks)])
    assert fold.servers["server-1"].health == health
    assert [moment.what for moment in fold.moments] == moments


def test_a_mark_may_say_more_of_a_server_than_its_name() -> None:
    fold = folded([request(0), mark(1, "slow", "server-1, 200 ms")])
    assert list(fold.servers) == ["server-1"]
    assert fold.servers["server-1"].health == "slow"
    assert fold.moments[0].detail == "server-1, 200 ms"


def test_dropped_events_are_counted_and_need_no_time() -> None:
    fold = folded([request(0), {"kind": "dropped", "count": 7}, {"kind": "dropped", "count": 5}])
    assert fold.dropped == 12


def test_unknown_kinds_change_nothing_but_the_time() -> None:
    fold = folded([request(0), {"kind": "comet", "time": START + 4}])
    assert fold.totals.requests == 1
    assert fold.now == START + 4


def test_memory_is_constant_however_long_the_run() -> None:
    fold = Fold(buckets=60)

    def run(begin: int) -> int:
        """Bytes held after 500 more seconds with everything that can happen in them."""
        for second in range(begin, begin + 500):
            for event in (request(second), ticket(second), mark(second, "policy", "random"), act(second, "x")):
                fold.feed(event)
            fold.feed(act_end(second, record("x")))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = run(0)
        last = [run(begin) for begin in range(500, 3000, 500)][-1]
    finally:
        tracemalloc.stop()
    assert last - first < 5_000  # 2500 seconds more; one event kept of each would be 400 times that
    assert fold.ticket_count == 3000
    assert fold.moment_count == 6000


def test_a_ring_forgets_what_is_older_than_it_and_keeps_the_rest() -> None:
    series = Series(1.0, 5)
    for second in range(12):
        series.add(START + second, second % 2 == 0)
    assert [bucket.start - START for bucket in series.buckets(99)] == [7, 8, 9, 10, 11]
    assert [bucket.rate for bucket in series.buckets(99)] == [0, 1, 0, 1, 0]
    series.add(START + 2, True)  # too late to be shown: it must not land in the slot of second 7
    assert series.sums == (5, 2)
    series.add(START + 9, True)  # late, but held
    assert series.sums == (6, 3)
    series.advance(START + 1000)
    assert series.sums == (0, 0)


EVENTS = st.lists(
    st.one_of(
        st.builds(
            request,
            st.floats(0, 60),
            st.sampled_from(["server-1", "server-2", None]),
            st.sampled_from(["hit", "unknown", "expired", "revoked", "store_error", None]),
            st.sampled_from(["a", None]),
        ),
        st.builds(mark, st.floats(0, 60), st.sampled_from(["kill", "up", "add", "store"]), st.just("server-1")),
        st.builds(ticket, st.floats(0, 60), st.text(max_size=5)),
        st.builds(act, st.floats(0, 60), st.sampled_from(["a", "b"])),
        st.builds(servers, st.floats(0, 60), st.integers(1, 4)),
        st.just({"kind": "dropped", "count": 2}),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=60)
@given(EVENTS, st.lists(st.integers(0, 40), max_size=6))
def test_folding_does_not_depend_on_batching(events: list[Event], cuts: list[int]) -> None:
    at_once = folded(events)
    in_batches = Fold()
    begin = 0
    for end in [*sorted(cuts), len(events)]:
        in_batches.feed_all(events[begin:end])
        begin = max(begin, end)
    assert contents(in_batches) == contents(at_once)


@settings(deadline=None)
@given(EVENTS)
def test_every_request_is_counted_once_everywhere(events: list[Event]) -> None:
    fold = folded(events)
    requests = [event for event in events if event["kind"] == "request"]
    seen = [event for event in requests if event["sent"] and event["outcome"]]
    out = [event for event in seen if event["outcome"] in ("unknown", "expired")]
    assert fold.totals == Counts(len(requests), len(seen), len(out))


def test_a_feed_that_begins_late_goes_on_from_how_things_stood() -> None:
    fold = folded([begin(0), request(1, "server-1", "unknown"), request(1.5, "server-2", status=503)])
    assert fold.totals == Counts(54, 47, 21)
    assert (fold.store, fold.policy, fold.theory) == ("memory", "round_robin", 0.5)  # as the latest event says
    one, two = fold.servers.values()
    assert (one.health, one.requests, one.known, one.unknown, one.errors) == ("up", 41, 20, 16, 1)
    assert (two.health, two.requests, two.known, two.unknown, two.errors) == ("paused", 11, 6, 5, 1)
    assert fold.rate_now == 0.5, "of what has been seen"
    assert fold.moment_count == 0
    fold.feed(servers(2, 3))
    assert [moment.detail for moment in fold.moments] == ["from 2 to 3"]


@pytest.mark.parametrize("wrong", [{"servers": [1]}, {"servers": [{"name": "a"}]}, {"requests": 1.5}, {"store": None}])
def test_a_beginning_that_cannot_be_folded(wrong: Event) -> None:
    assert complaint(begin(0)) is None
    assert complaint(begin(0, **wrong)) is not None
