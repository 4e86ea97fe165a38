"""A recorded run on the board again, in its own time or faster; the numbers at the end are those of the run."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

from scenarios.errors import LabError
from scenarios.events import Event
from scenarios.folds.fold import Fold
from scenarios.journal import JournalReader

STEP = 0.05  # seconds slept at least: a sleep per event would cost more than the events
LONGEST = 3.0  # seconds of the run: a longer silence (somebody reading between two acts) is cut to this
BREATH = 200  # events without a pause, after which others get their turn


async def replay(
    path: str,
    *,
    speed: float,
    show: Callable[[AsyncIterator[Event]], Awaitable[Fold]],
    sleep: Callable[[float], Awaitable[None]],
    fold: Fold | None = None,
    begin: float = 0.0,
    until: float = math.inf,
) -> Fold:
    """Show the journal at `path`, `speed` times as fast as it was (math.inf: as fast as it can be read).

    `show` is given the events and returns what they folded to: `watch_feed`. `sleep` is `asyncio.sleep`. What is before
    `begin` (seconds into the run) only goes into `fold`, which `show` then goes on with; `until` ends the replay early.
    Raises LabError: no such speed, no journal, or a journal that is not whole - after everything before was shown.
    """
    if not speed > 0:
        raise LabError(f"--speed {speed:g}: choose a number above 0, such as 1 for the run's own time")
    reader = JournalReader(path)
    try:
        return await show(paced(between(reader, fold or Fold(), begin, until), speed, sleep))
    finally:
        reader.close()


def between(events: Iterable[Event], fold: Fold, begin: float, until: float) -> Iterator[Event]:
    """The events from `begin` to `until` (seconds after the first of them); the ones before go into `fold`."""
    first: float | None = None
    at = 0.0
    for event in events:
        if "time" in event:
            first = event["time"] if first is None else first
            at = event["time"] - first
        if at > until:
            return
        if at < begin:
            fold.feed(event)
        else:
            yield event


async def paced(
    events: Iterable[Event], speed: float, sleep: Callable[[float], Awaitable[None]]
) -> AsyncIterator[Event]:
    """The events with the gaps between their times, divided by `speed`."""
    now = -math.inf
    owed = 0.0
    unbroken = 0
    for event in events:
        time = event.get("time", now)
        if time > now:
            owed += min(time - now, LONGEST) / speed if now > -math.inf else 0.0
            now = time
        unbroken += 1
        if owed >= STEP or unbroken >= BREATH:
            await sleep(owed)
            owed, unbroken = 0.0, 0
        yield event
    await sleep(owed)
