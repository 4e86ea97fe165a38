"""All numbers of a report, from one pass over a journal in constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scenarios.errors import LabError
from scenarios.events import Event
from scenarios.folds.chapters import Chapters
from scenarios.folds.course import Course
from scenarios.folds.durations import Durations
from scenarios.folds.fold import Fold
from scenarios.folds.survival import Survival
from scenarios.journal import JournalReader

MOST_WORDS = 200  # different tickets told apart
MOST_STORES = 16
TELL_EVERY = 10_000  # events: about a quarter of a second


@dataclass
class Numbers:
    """What the journal's events fold to. `header` is its first line; `cut` says why it ends early, None when whole."""

    header: dict[str, Any]
    fold: Fold = field(default_factory=lambda: Fold(bucket=60.0, buckets=1))
    chapters: Chapters = field(default_factory=Chapters)
    course: Course = field(default_factory=Course)
    survival: Survival = field(default_factory=Survival)
    stores: dict[str, Durations] = field(default_factory=dict)
    words: Counter[str] = field(default_factory=Counter)
    cut: str | None = None

    def feed(self, event: Event) -> None:
        """Take one event of the journal."""
        self.fold.feed(event)
        match event["kind"]:
            case "request":
                self.course.request(event, self.fold.theory)
                self.survival.request(event)
                if event.get("duration") is not None:
                    self._durations(self.fold.store).add(event["duration"])
            case "ticket":
                self.course.at(event["time"]).tickets += 1
                if event["text"] in self.words or len(self.words) < MOST_WORDS:
                    self.words[event["text"]] += 1
            case "act":
                self.chapters.feed(event)
                self.survival.act(event["name"], event["time"])
            case "act_end":
                self.chapters.feed(event)
                self.survival.act("", event["time"])
            case _ if event.get("time") is not None:
                self.course.at(event["time"])

    @property
    def seconds(self) -> float:
        """From the first event to the last."""
        return (self.fold.now or 0.0) - (self.fold.began or 0.0)

    def since_began(self, time: float) -> float:
        return time - (self.fold.began or 0.0)

    def _durations(self, store: str) -> Durations:
        if store not in self.stores and len(self.stores) >= MOST_STORES:
            return Durations()
        return self.stores.setdefault(store, Durations())


def read(path: str, told: Callable[[float], None] = lambda share: None) -> Numbers:
    """Raises LabError when there is no journal, or no request in it. One that is cut off or damaged further on is read
    up to there, and `cut` says so. `told` hears now and then which share of the file has been read."""
    reader = JournalReader(path)
    numbers = Numbers(reader.header)
    try:
        for number, event in enumerate(reader):
            numbers.feed(event)
            if number % TELL_EVERY == 0:
                told(reader.share)
    except LabError as error:
        if not numbers.fold.totals.requests:
            raise
        numbers.cut = str(error)
    finally:
        reader.close()
    if not numbers.fold.totals.requests:
        raise LabError(f"{path} holds no request: there is nothing to report; record a whole run")
    numbers.survival.finish()
    numbers.course.smooth()
    return numbers
