"""Which act was on when, and what became of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scenarios.events import Event

MOST = 100


@dataclass(slots=True)
class Chapter:
    """One act: times are Unix seconds, `record` is there once it has ended."""

    name: str
    title: str
    text: str
    began: float
    ended: float | None = None
    record: dict[str, Any] | None = None


@dataclass(slots=True)
class Chapters:
    """The first acts of a run, in order; how many there were in all."""

    acts: list[Chapter] = field(default_factory=list)
    count: int = 0

    def feed(self, event: Event) -> None:
        """Take an event; only the beginning and the end of an act matter."""
        if event["kind"] == "act":
            self.count += 1
            if len(self.acts) < MOST:
                title, text = event.get("title") or event["name"], event.get("text") or ""
                self.acts.append(Chapter(event["name"], title, text, event["time"]))
        elif event["kind"] == "act_end" and self.acts and self.count <= MOST and self.acts[-1].record is None:
            self.acts[-1].ended = event["time"]
            self.acts[-1].record = event["act"]
