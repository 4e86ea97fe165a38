"""The player: wherever people wind to, the numbers are those of the run up to there, and of nothing else."""

import asyncio
import math
import tracemalloc
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.boards.playback import until_over
from scenarios.errors import LabError
from scenarios.folds.fold import Fold
from scenarios.journal import JournalWriter, header
from scenarios.player import HINTS, KEYS, Player
from tests.scenarios.feeds import START, Event, clicks, incident, request

HEAD = header(session_lab="0.1.0", python="3.11", platform="linux", seed=1, settings={}, started=START)


def journal(path: Path, events: list[Event]) -> str:
    with JournalWriter(str(path), HEAD) as writer:
        for event in events:
            writer.write(event)
    return str(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    return journal(tmp_path_factory.mktemp("player") / "j", incident())


def expected(until: float) -> Fold:
    """What the events up to this second fold to."""
    fold = Fold()
    fold.feed_all(event for event in incident() if event["time"] - START <= until)
    return fold


def same(player: Player, until: float) -> bool:
    fold, wanted = player.fold, expected(until)
    return (fold.totals, fold.ticket_count, fold.store, fold.now, list(fold.acts), list(fold.moments)) == (
        wanted.totals, wanted.ticket_count, wanted.store, wanted.now, list(wanted.acts), list(wanted.moments),
    )  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 40), min_size=1, max_size=6))
def test_wherever_it_is_wound_to_the_numbers_are_those_of_a_run_up_to_there(run: str, places: list[float]) -> None:
    player = Player(run)
    for place in places:
        player.seek(place)
        while not player.read(most=50):
            pass
        assert same(player, place)
    player.close()


def test_time_goes_on_at_its_speed(run: str) -> None:
    player = Player(run, speed=2.0, begin=4.0)
    assert player.read()
    assert same(player, 4.0)
    player.advance(3.0)
    assert player.read()
    assert same(player, 10.0)
    player.faster(0.5)
    player.advance(1.0)
    assert player.read()
    assert same(player, 11.0)


def test_stopped_time_stands_still_and_goes_on_where_it_was(run: str) -> None:
    player = Player(run, begin=5.0)
    player.read()
    player.pause()
    player.advance(60.0)
    player.read()
    assert same(player, 5.0)
    player.pause()
    player.advance(1.0)
    player.read()
    assert same(player, 6.0)


def test_one_event_is_one_event_and_one_second_a_second(run: str) -> None:
    player = Player(run, begin=5.0)
    player.read()
    before = player.fold.totals.requests
    for more in (1, 2, 3):
        player.one_event()
        assert player.read()
        assert player.fold.totals.requests == before + more
    assert player.paused
    at = player.position
    player.one_second()
    player.read()
    assert same(player, at + 1.0)


def test_it_ends_where_it_was_told_to(run: str) -> None:
    player = Player(run, until=8.0)
    player.seek(math.inf)
    assert player.read()
    assert player.over
    assert same(player, 8.0)
    player.seek(player.position - 3.0)
    player.read()
    assert not player.over


def test_a_long_silence_is_cut_short(tmp_path: Path) -> None:
    player = Player(journal(tmp_path / "j", [request(0), request(3600)]))
    player.read()
    player.advance(0.1)
    player.read()
    assert (player.fold.totals.requests, player.time) == (1, 3597.0)
    player.advance(3.0)
    player.read()
    assert player.over


def test_a_cut_journal_plays_to_its_cut_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal(path, incident())
    path.write_bytes(path.read_bytes()[:-300])
    player = Player(str(path))
    player.seek(math.inf)
    assert player.read()
    assert player.over
    assert "cut off in the middle" in str(player.wrong)
    assert player.fold.totals.requests > 290
    with pytest.raises(LabError, match="No such file"):
        Player(str(tmp_path / "nowhere"))


async def test_keys_do_what_they_say_and_it_is_over_at_the_end(run: str) -> None:
    player = Player(run)
    typed: asyncio.Queue[str] = asyncio.Queue()
    seen: list[float] = []
    ticks = count()
    for key in ("x", "right", "right", "left", "+", "+", "-", " ", "s", ".", "home", " ", "end"):
        typed.put_nowait(key)
    await until_over(player, typed, lambda: next(ticks) * 0.001, lambda: seen.append(player.position))
    assert typed.empty()
    assert player.over
    assert player.speed == 2.0
    assert same(player, math.inf)
    assert [round(position) for position in seen[:5]] == [0, 0, 5, 10, 5]
    assert seen[-3] < 0.1 < seen[-4], "home, from the sixth second"


async def test_q_ends_it_wherever_it_is(run: str) -> None:
    player = Player(run)
    typed: asyncio.Queue[str] = asyncio.Queue()
    typed.put_nowait("q")
    await until_over(player, typed, lambda: 0.0, lambda: None)
    assert not player.over


def test_every_key_is_named_in_the_last_line_of_80_columns() -> None:
    named = {word for hint in HINTS for word in hint.split()}
    assert {{" ": "space"}.get(key, key) for key in KEYS} <= named
    assert sum(len(hint) + 2 for hint in HINTS) <= 80


def test_winding_back_takes_constant_memory(tmp_path: Path) -> None:
    path = journal(tmp_path / "j", clicks(0, 2000))
    player = Player(path)
    player.seek(10.0)
    player.read()
    tracemalloc.start()
    try:
        for place in (1900.0, 100.0, 1500.0, 0.0):
            player.seek(place)
            while not player.read():
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    player.close()
    assert peak < 1_500_000
