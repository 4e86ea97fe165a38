"""One side of a comparison: the acts of a recorded run, or the cells of a sweep. Read in constant memory."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scenarios.errors import LabError
from scenarios.events import Event
from scenarios.folds.durations import Durations
from scenarios.journal import JournalReader

SETTING = ("servers", "store", "policy", "on_unknown")


@dataclass
class Act:
    """A finished act (or cell): its record as the journal has it, and how long its requests took."""

    record: Mapping[str, Any]
    durations: Durations = field(default_factory=Durations)

    @property
    def setting(self) -> dict[str, Any]:
        return {key: self.record[key] for key in SETTING if key in self.record}


@dataclass
class Side:
    """What is compared: `about` is what the whole run was started with."""

    name: str
    about: dict[str, Any] = field(default_factory=dict)
    acts: dict[str, Act] = field(default_factory=dict)
    _running: Durations = field(default_factory=Durations)

    def feed(self, event: Event) -> None:
        """Take an event of a journal."""
        match event["kind"]:
            case "act":
                self._running = Durations()
            case "request" if event.get("duration") is not None:
                self._running.add(event["duration"])
            case "act_end":
                self.acts[event["act"]["name"]] = Act(event["act"], self._running)


def read(path: Path) -> Side:
    """A journal, or the folder of a sweep. Raises LabError: neither of them, damaged, or nothing was finished."""
    side = _sweep(path) if path.is_dir() else _journal(path)
    if not side.acts:
        raise LabError(f"{path} has no finished act: nothing to compare; record a whole run")
    return side


def _journal(path: Path) -> Side:
    reader = JournalReader(str(path))
    head = reader.header
    versions = {"session-lab": head.get("session_lab"), "python": head.get("python"), "platform": head.get("platform")}
    side = Side(str(path), {**versions, "seed": head.get("seed"), **head.get("settings", {})})
    for event in reader:
        side.feed(event)
    return side


def _sweep(path: Path) -> Side:
    try:
        about = json.loads((path / "sweep.json").read_text())
        cells = [json.loads(line) for line in (path / "cells.jsonl").read_text().splitlines()]
        return Side(str(path), about, {_named(cell): Act(cell) for cell in cells})
    except (OSError, ValueError, KeyError, TypeError):
        raise LabError(f"{path} is no folder of a sweep: name what `lab sweep -o` wrote, or a journal") from None


def _named(cell: dict[str, Any]) -> str:
    return ", ".join(str(cell[key]) for key in SETTING)
