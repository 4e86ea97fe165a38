"""A recorded run that people stop, step through and wind back, in constant memory however long it is.

The player has no clock: who draws it says how many seconds have passed. Going back means reading from the beginning
again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from scenarios.errors import LabError
from scenarios.events import Event
from scenarios.folds.fold import Fold
from scenarios.journal import JournalReader
from scenarios.replay import LONGEST

WIND = 5.0  # seconds of the run
FASTEST, SLOWEST = 1024.0, 1 / 64


class Player:
    """The journal at `path` at `speed`, from `begin` to `until` (seconds after its first event).

    `fold` holds all events up to `time` once `read` has returned True. `over` says that no event is left, and `wrong`
    why, when the journal is not whole. Raises LabError: no journal, or none of this version.
    """

    def __init__(self, path: str, *, speed: float = 1.0, begin: float = 0.0, until: float = math.inf) -> None:
        self.path = path
        self.speed = speed
        self.until = until
        self.paused = False
        self.wrong: LabError | None = None
        self._rewind()
        self.time = begin

    def _rewind(self) -> None:
        self._reader = JournalReader(self.path)
        settings = self._reader.header.get("settings") or {}
        self.fold = Fold(bucket=0.25 if settings.get("pace") == "fast" else 1.0)
        self._events: Iterator[Event] = iter(self._reader)
        self._began: float | None = None
        self._at = 0.0  # when the next event is, seconds after the first
        self.over = False
        self.time = 0.0
        self._next: Event | None = None
        self._load()

    def _load(self) -> None:
        """Have the next event at hand."""
        try:
            event = self._next = next(self._events, None)
        except LabError as error:
            self.wrong = error
            event = self._next = None
        if event is not None and "time" in event:
            if self._began is None:
                self._began = event["time"]
            self._at = event["time"] - self._began
        if event is None or self._at > self.until:
            self.over = True

    @property
    def share(self) -> float:
        """How much of the journal has been read, a fraction."""
        return self._reader.share

    def read(self, most: int = 5000) -> bool:
        """Fold what has happened by `time`, at most so many events; whether that was all."""
        for _ in range(most):
            if self.over or self._at > self.time:
                return True
            self._fold_next()
        return False

    def _fold_next(self) -> None:
        assert self._next is not None
        self.fold.feed(self._next)
        self._load()

    def advance(self, seconds: float) -> None:
        """So much time has passed for who is watching. A long silence in the run is cut short."""
        if self.paused or self.over:
            return
        self.time = max(self.time + seconds * self.speed, min(self._at - LONGEST, self.until))

    def seek(self, time: float) -> None:
        """Go to this moment, forward or back; `read` then goes there."""
        time = max(0.0, time)
        if time < self.time:
            self._reader.close()
            self._rewind()
        self.time = time

    def one_event(self) -> None:
        """Stop after the next event."""
        self.paused = True
        if not self.over:
            self.time = max(self.time, self._at)
            self._fold_next()

    def one_second(self) -> None:
        """Stop a second later."""
        self.paused = True
        self.seek(self.position + 1.0)

    def pause(self) -> None:
        """Stop, or go on."""
        self.paused = not self.paused

    def faster(self, times: float) -> None:
        self.speed = min(FASTEST, max(SLOWEST, self.speed * times))

    @property
    def position(self) -> float:
        """`time`, but never beyond the end of what there is."""
        return min(self.time, self._at) if self.over else self.time

    def close(self) -> None:
        self._reader.close()


KEYS: dict[str, Callable[[Player], None]] = {
    " ": Player.pause,
    ".": Player.one_event,
    "s": Player.one_second,
    "left": lambda player: player.seek(player.position - WIND),
    "right": lambda player: player.seek(player.position + WIND),
    "+": lambda player: player.faster(2.0),
    "-": lambda player: player.faster(0.5),
    "home": lambda player: player.seek(0.0),
    "end": lambda player: player.seek(math.inf),
}
HINTS = ("space stops", ". event", "s second", "left right 5 s", "+ - speed", "home end", "q quits")
"""What the keys do, in 80 columns."""
