"""The folds of a whole run: nothing is lost when the stretches widen, and lifetimes are those of Kaplan and Meier."""

import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.folds.chapters import Chapters
from scenarios.folds.course import OTHERS, Course
from scenarios.folds.durations import Durations
from scenarios.folds.records import Counts
from scenarios.folds.survival import Lifetimes, Survival
from tests.scenarios.feeds import START, Event, act, act_end, incident, record, request


def course(events: list[Event], **settings: int) -> Course:
    made = Course(**settings)
    for event in events:
        if event["kind"] == "request":
            made.request(event, 0.9)
        elif event["kind"] == "ticket":
            made.at(event["time"]).tickets += 1
    return made


def totals(course: Course) -> tuple[int, int, int, int, int]:
    stretches = course.stretches.values()
    return (
        sum(stretch.counts.requests for stretch in stretches),
        sum(stretch.counts.with_session for stretch in stretches),
        sum(stretch.counts.logged_out for stretch in stretches),
        sum(stretch.tickets for stretch in stretches),
        sum(stretch.durations.total for stretch in stretches),
    )


@given(st.integers(1, 300))
def test_nothing_is_lost_when_stretches_are_joined(most: int) -> None:
    made = course(incident(), most=most)
    assert totals(made) == (300, 300, 90, 2, 300)
    assert len(made.stretches) <= most
    servers = made.servers()
    assert sum(counts.requests for counts in servers.values()) == 300
    assert servers["server-1"] == Counts(120, 120, 0)  # 100 alone, then one in ten: the one whose wristbands it knows
    assert servers["server-2"] == Counts(20, 20, 10)


def test_the_rate_of_each_stretch_is_that_of_its_time() -> None:
    made = course(incident())
    rates = {number * made.width: stretch.counts.rate for number, stretch in made.stretches.items()}
    assert {rate for time, rate in rates.items() if time < 9.9} == {0.0}
    second = [stretch.counts for number, stretch in made.stretches.items() if 12 <= number * made.width < 13]
    assert sum(counts.logged_out for counts in second) == 9


def test_stretches_double_only_as_far_as_they_must() -> None:
    assert course([request(0), request(59.9)]).width == 0.25
    assert course([request(0), request(60)]).width == 0.5
    assert course([request(0), request(86_400)]).width == 512.0


def test_stretches_are_smoothed_until_a_rate_says_something() -> None:
    few = course(incident())  # 30 s, ten requests a second
    few.smooth()
    assert (few.width, max(few.stretches)) == (1.0, 29)
    assert totals(few) == (300, 300, 90, 2, 300)
    many = course([request(number / 200) for number in range(6000)])  # 30 s, 200 a second
    many.smooth()
    assert many.width == 0.25


def test_events_from_before_the_first_count_with_the_first() -> None:
    assert list(course([request(5), request(2)]).stretches) == [0]


def test_a_strange_journal_has_no_more_servers_than_fit() -> None:
    made = course([request(0, f"server-{number}") for number in range(250)])
    assert len(made.servers()) == 101
    assert made.servers()[OTHERS].requests == 150


def lifetimes(lost: list[float], censored: list[float]) -> Lifetimes:
    """As one act of a run has them: each session is issued, and then seen once more: as a stranger's, or known."""
    survival = Survival()
    survival.act("act", START)
    for number, (seconds, outcome) in enumerate([(s, "unknown") for s in lost] + [(s, "hit") for s in censored]):
        survival.request(request(0, outcome="new", sent=None, received=f"s{number}"))
        survival.request(request(seconds, outcome=outcome, sent=f"s{number}"))
    survival.finish()
    return survival.strata["act"]


def test_the_estimate_of_kaplan_and_meier() -> None:
    """The field's worked example: 21 remissions under 6-MP (Freireich et al., 1963)."""
    found = lifetimes([6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35])
    assert found.sessions == 21
    shares = [round(point.share, 3) for point in found.curve()]
    assert shares == [1.0, 0.857, 0.807, 0.753, 0.69, 0.627, 0.538, 0.448, 0.448]
    assert found.median() == pytest.approx(23, rel=0.03)
    times = [point.seconds for point in found.curve()]
    assert times == pytest.approx([0.001, 6, 7, 10, 13, 16, 22, 23, 25], rel=0.03)  # then four are left
    assert found.curve(heaviest=1.0)[-1].seconds == pytest.approx(35, rel=0.03)


def test_a_session_that_nobody_loses_has_no_curve_and_no_median() -> None:
    found = lifetimes([], [1, 2, 3])
    assert (found.median(), found.sessions) == (None, 3)
    assert {point.share for point in found.curve(heaviest=1.0)} == {1.0}
    assert found.curve(heaviest=1.0)[-1].seconds == pytest.approx(3, rel=0.03)


def test_the_last_few_sessions_of_many_draw_no_cliff() -> None:
    """A thousand sessions last, and the one that was watched for longest was lost in the end."""
    found = lifetimes([50.0], [1 + number / 1000 for number in range(1000)])
    assert found.median() is None
    assert {point.share for point in found.curve()} == {1.0}
    assert found.curve()[-1].seconds == pytest.approx(2, rel=0.06)
    assert found.curve(heaviest=1.0)[-1].share == 0.0


def test_an_act_ends_the_lifetimes_of_the_one_before() -> None:
    survival = Survival()
    survival.act("memory", START)
    survival.request(request(0, outcome="new", sent=None, received="a"))
    survival.request(request(4, outcome="hit", sent="a"))
    survival.act("redis", START + 10)
    survival.request(request(16, outcome="unknown", sent="a"))
    survival.request(request(17, outcome="unknown", sent="a"))  # lost is lost: it does not count again
    survival.finish()
    memory, redis = survival.strata["memory"], survival.strata["redis"]
    assert (memory.sessions, sum(memory.lost.values())) == (1, 0)
    assert memory.curve(heaviest=1.0)[-1].seconds == pytest.approx(4, rel=0.03)
    assert (redis.sessions, sum(redis.lost.values())) == (1, 1)
    assert redis.curve(heaviest=1.0)[-1].seconds == pytest.approx(6, rel=0.03)


def test_a_logout_on_purpose_is_no_loss() -> None:
    survival = Survival()
    survival.request(request(0, outcome="new", sent=None, received="a"))
    survival.request(request(2, outcome="hit", sent="a"))
    survival.request(request(3, outcome="revoked", sent="a"))
    survival.finish()
    assert (survival.strata[""].sessions, survival.strata[""].lost) == (1, {})


def test_a_sample_of_many_sessions_says_the_same() -> None:
    """5000 sessions at once, half of them lost after 1 s and a quarter after 4 s; at most 400 are followed."""
    survival = Survival(most_open=400)
    for number in range(5000):
        survival.request(request(0, outcome="new", sent=None, received=f"session-{number}"))
    for number in range(5000):
        outcome = "unknown" if number % 4 < 2 else "hit"
        survival.request(request(1, outcome=outcome, sent=f"session-{number}"))
    for number in range(5000):
        outcome = "unknown" if number % 4 < 3 else "hit"
        survival.request(request(4, outcome=outcome, sent=f"session-{number}"))
    survival.finish()
    assert survival.kept == 16
    found = survival.strata[""]
    assert found.sessions == pytest.approx(5000, rel=0.2)
    assert [point.share for point in found.curve()] == pytest.approx([1, 0.5, 0.25, 0.25], abs=0.09)  # 3 deviations


def test_acts_keep_their_times_and_their_records() -> None:
    chapters = Chapters()
    done = record("one")
    for event in (act(1, "one"), request(2), act_end(3, done), act(4, "two")):
        chapters.feed(event)
    first, second = chapters.acts
    assert (first.name, first.began, first.ended, first.record) == ("one", START + 1, START + 3, done)
    assert (second.name, second.ended, second.record) == ("two", None, None)


def test_durations_join_and_share() -> None:
    one, other = Durations(), Durations()
    for seconds in (0.01, 0.02):
        one.add(seconds)
    for seconds in (0.02, 0.04):
        other.add(seconds)
    one.join(other)
    assert one.total == 4
    assert [share for _, share in one.shares()] == [0.25, 0.75, 1.0]
    assert [seconds for seconds, _ in one.shares()] == pytest.approx([0.01, 0.02, 0.04], rel=0.025)


def test_memory_does_not_grow_with_the_run() -> None:
    """A week of requests, every one of a new session, over ten servers."""
    rng = random.Random(1)
    made, survival = Course(), Survival(most_open=200)

    def day(number: int) -> None:
        for step in range(4000):
            time = number * 86_400 + step * 21.6
            session = f"{number}-{step}"
            event = request(
                time, f"server-{step % 10}", "new", None, received=session, duration=rng.lognormvariate(-5, 1)
            )
            made.request(event, 0.9)
            survival.request(event)

    day(0)
    tracemalloc.start()
    try:
        for number in range(1, 7):
            day(number)
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert sum(stretch.counts.requests for stretch in made.stretches.values()) == 28_000
    assert grown < 2_000_000
