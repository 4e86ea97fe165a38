"""Folds about users and time: who is known where, one user's clicks, latency; each of bounded size."""

import math
import random
import tracemalloc

import pytest

from scenarios.events import complaint
from scenarios.folds.durations import LONGEST
from scenarios.folds.fold import Fold
from scenarios.folds.following import Following
from scenarios.folds.latency import KEPT, Latency
from scenarios.folds.matrix import MOST_SERVERS, MOST_USERS, Matrix, Visit
from tests.scenarios.feeds import START, mark, request


def test_the_matrix_holds_the_last_outcome_at_each_server_and_the_wristband_it_was_about() -> None:
    matrix = Matrix()
    for event in (
        request(0, "server-1", "new", sent=None, received="aaa"),
        request(1, "server-2", "unknown", sent="aaa"),
        request(2, "server-1", "hit", sent="aaa"),
        request(3, "server-3", "new", sent="aaa", received="bbb"),
        request(4, "server-2", "hit", sent=None),  # no wristband: says nothing of who is known
        request(5, None, None, sent="bbb"),
    ):
        matrix.feed(event)
    row = matrix.rows["ravi"]
    assert row.wristband == "bbb"
    assert row.visits == {
        "server-1": Visit("hit", "aaa"),
        "server-2": Visit("unknown", "aaa"),
        "server-3": Visit("new", "bbb"),
    }


@pytest.mark.parametrize(("store", "left"), [("memory", {"server-2"}), ("redis", {"server-1", "server-2"})])
def test_a_killed_server_takes_its_own_logbook_along_and_no_shared_one(store: str, left: set[str]) -> None:
    fold = Fold()
    fold.feed_all([request(0, "server-1", store=store), request(1, "server-2", store=store)])
    fold.feed(mark(2, "kill", "server-1"))
    assert set(fold.matrix.rows["ravi"].visits) == left


@pytest.mark.parametrize("what", ["drain", "undrain"])
def test_a_dead_server_stays_dead_when_it_is_drained(what: str) -> None:
    fold = Fold()
    fold.feed_all([request(0), mark(1, "kill", "server-1"), mark(2, what, "server-1")])
    assert fold.servers["server-1"].health == "down"


def test_the_matrix_forgets_whom_it_has_not_seen_for_longest() -> None:
    matrix = Matrix()
    for number in range(MOST_USERS):
        matrix.feed(request(number, user=f"u{number}"))
    matrix.feed(request(500, user="u0"))
    matrix.feed(request(501, user="another"))
    assert len(matrix.rows) == MOST_USERS
    assert matrix.forgotten == 1
    assert "u0" in matrix.rows
    assert "u1" not in matrix.rows


def test_a_strange_feed_cannot_make_the_folds_grow() -> None:
    fold = Fold(follow="ravi")
    rng = random.Random(1)

    def feed(count: int) -> None:
        for number in range(count):
            user = "ravi" if number % 2 else rng.randbytes(20).hex()
            fold.matrix.feed(request(number / 100, rng.randbytes(20).hex(), user=user))
            fold.latency.feed(request(number / 100, duration=rng.random() * 100))
            fold.following.feed(request(number / 100))  # type: ignore[union-attr]

    feed(30_000)
    tracemalloc.start()
    feed(30_000)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 1_000_000  # new entries take the place of old ones of the same size
    assert len(fold.matrix.rows["ravi"].visits) == MOST_SERVERS
    assert len(fold.latency.seconds) <= KEPT


def test_percentiles_are_those_of_the_last_ten_seconds_within_their_bins() -> None:
    latency = Latency()
    rng = random.Random(1)
    drawn = [rng.lognormvariate(math.log(0.002), 1.0) for _ in range(5000)]
    latency.feed(request(0, duration=50.0))  # long ago
    for number, duration in enumerate(drawn):
        latency.feed(request(100 + number / 500, duration=duration))
    drawn.sort()
    assert latency.requests() == 5000
    measured = latency.percentiles(0.5, 0.95, 0.99, 1.0)
    expected = [drawn[math.ceil(part * 5000) - 1] for part in (0.5, 0.95, 0.99, 1.0)]
    assert measured == [pytest.approx(value, rel=0.026) for value in expected]


def test_latency_of_silence_is_none_and_the_history_has_gaps() -> None:
    latency = Latency()
    assert latency.percentiles(0.5) == [None]
    latency.feed(request(0, duration=0.001))
    latency.feed(request(2, duration=1.0))
    assert latency.history(0.5, 3) == [pytest.approx(0.001, rel=0.026), None, pytest.approx(1.0, rel=0.026)]
    latency.advance(START + 30)
    assert latency.percentiles(0.5) == [None]
    assert latency.requests() == 0


@pytest.mark.parametrize("duration", [0.0, -1.0, math.inf, math.nan, 1e300])
def test_impossible_durations_count_as_the_shortest_or_the_longest(duration: float) -> None:
    latency = Latency()
    latency.feed(request(0, duration=duration))
    (measured,) = latency.percentiles(0.5)
    assert measured is not None
    assert 0 < measured < LONGEST * 1.05


def test_one_user_is_followed_click_by_click() -> None:
    following = Following("ravi")
    assert following.feed(request(0, user="user07")) is None
    assert following.feed(request(1, user=None)) is None
    click = following.feed(request(2, "server-3", "unknown", sent="aaa", received="bbb", path="/orders?page=2"))
    assert click is not None
    assert (click.what, click.server, click.shown, click.said, click.given) == (
        "GET /orders", "server-3", "aaa", "unknown", "bbb",
    )  # fmt: skip
    for number in range(500):
        following.feed(request(number))
    assert following.count == 501
    assert len(following.clicks) == 200


@pytest.mark.parametrize("field", ["user", "method", "path", "received", "duration"])
def test_an_event_whose_user_or_duration_is_none_is_refused(field: str) -> None:
    assert complaint(request(0)) is None
    assert complaint(request(0, **{field: ["?"]})) is not None
    assert complaint(request(0, **{field: None})) is None
