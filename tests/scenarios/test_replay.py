"""Replay: the same numbers and the same words as live, in the run's own time divided by the speed."""

import io
import math
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from scenarios.boards.live import watch_feed
from scenarios.errors import LabError
from scenarios.folds.fold import Fold
from scenarios.journal import JournalWriter, header
from scenarios.replay import paced, replay
from tests.scenarios.feeds import Event, incident, request

HEAD = header(session_lab="0.1.0", python="3.11", platform="linux", seed=1, settings={}, started=0.0)


class Sleeps:
    """Stands for asyncio.sleep: notes the seconds instead of letting them pass."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)


def journal(path: Path, events: list[Event]) -> str:
    with JournalWriter(str(path), HEAD) as writer:
        for event in events:
            writer.write(event)
    return str(path)


def cut(path: Path, lines: int) -> None:
    """Leave so many lines and the beginning of one more."""
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole[:lines]) + whole[lines][:20])


async def feed(events: list[Event]) -> AsyncIterator[Event]:
    for event in events:
        yield event


async def test_a_replay_says_what_the_run_said_and_ends_with_its_numbers(tmp_path: Path) -> None:
    live, again = io.StringIO(), io.StringIO()
    run = await watch_feed(feed(incident()), stream=live)
    path = journal(tmp_path / "j", incident())
    replayed = await replay(path, speed=1, show=partial(watch_feed, stream=again), sleep=Sleeps())
    assert again.getvalue() == live.getvalue()
    assert replayed.totals == run.totals
    assert replayed.totals.logged_out == 90
    assert list(replayed.acts) == list(run.acts)


@pytest.mark.parametrize(("speed", "seconds"), [(1.0, 29.9), (10.0, 2.99), (0.5, 59.8), (math.inf, 0.0)])
async def test_it_takes_the_time_of_the_run_divided_by_the_speed(tmp_path: Path, speed: float, seconds: float) -> None:
    sleeps = Sleeps()
    path = journal(tmp_path / "j", incident())
    await replay(path, speed=speed, show=partial(watch_feed, stream=io.StringIO()), sleep=sleeps)
    assert sum(sleeps.asked) == pytest.approx(seconds)
    assert sleeps.asked  # even at full speed others get their turn


async def test_time_passes_before_the_event_it_leads_to() -> None:
    sleeps = Sleeps()
    seen = []
    async for event in paced([request(0), request(1), request(1.5)], 1.0, sleeps):
        seen.append((event["time"] - request(0)["time"], sum(sleeps.asked)))
    assert seen == [(0.0, 0.0), (1.0, 1.0), (1.5, 1.5)]


async def test_a_long_silence_is_cut_short() -> None:
    sleeps = Sleeps()
    times = [event["time"] async for event in paced([request(0), request(600)], 1.0, sleeps)]
    assert len(times) == 2
    assert sum(sleeps.asked) == 3.0


async def test_events_out_of_order_or_without_a_time_cost_no_time() -> None:
    sleeps = Sleeps()
    events: list[Event] = [request(5), request(2), {"kind": "dropped", "count": 1}, request(5.5)]
    assert [event async for event in paced(events, 1.0, sleeps)] == events
    assert sum(sleeps.asked) == pytest.approx(0.5)


async def test_only_a_part_of_a_run_is_shown_and_the_numbers_before_it_count(tmp_path: Path) -> None:
    shown, fold, sleeps = io.StringIO(), Fold(), Sleeps()
    path = journal(tmp_path / "j", incident())
    show = partial(watch_feed, stream=shown, fold=fold)
    await replay(path, speed=1, show=show, sleep=sleeps, fold=fold, begin=12.0, until=18.0)
    assert fold.totals.requests == 181  # ten a second, from 0 to 18.0
    assert sum(sleeps.asked) == pytest.approx(6.0, abs=0.1)
    first, *lines, last = shown.getvalue().splitlines()
    assert (
        first
        == "  0:11  90.0 % logged out of the last 2 s; 120 requests, 120 with a wristband, 18 logged out; 0 tickets"
    )
    times = [line.split()[0] for line in lines]
    assert times == sorted(times)
    assert set(times) == {"0:12", "0:13", "0:14", "0:15", "0:16", "0:17"}
    assert last.startswith("In all: 181 requests")


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
async def test_no_such_speed(tmp_path: Path, speed: float) -> None:
    path = journal(tmp_path / "j", [])
    with pytest.raises(LabError, match=r"--speed .*: choose a number above 0"):
        await replay(path, speed=speed, show=partial(watch_feed, stream=io.StringIO()), sleep=Sleeps())


async def test_a_cut_journal_shows_what_there_is_and_then_says_where_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal(path, incident())
    cut(path, 100)
    shown = io.StringIO()
    fold = Fold()
    with pytest.raises(LabError, match="line 101: cut off in the middle"):
        await replay(str(path), speed=math.inf, show=partial(watch_feed, stream=shown, fold=fold), sleep=Sleeps())
    assert fold.totals.requests == 97  # 100 lines less the header, the servers and the act
    assert "In all: 97 requests" in shown.getvalue()
