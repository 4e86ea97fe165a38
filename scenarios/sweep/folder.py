"""What a sweep has found, on disk: `sweep.json` says what was asked for, `cells.jsonl` has a line for each finished
cell. A line is written whole, so whatever ends a sweep costs at most the cell that was running."""

import json
import os
from pathlib import Path
from typing import Any

from scenarios.errors import LabError
from scenarios.sweep.grid import Cell, Grid

VERSION = 1
KEYS = ("servers", "store", "policy", "on_unknown")


class Folder:
    """The folder of one sweep. Raises LabError: it cannot be used, or belongs to another sweep."""

    def __init__(self, path: Path, grid: Grid) -> None:
        self.path = path
        self._cells = path / "cells.jsonl"
        asked = {"sweep": VERSION, **grid.record()}
        try:
            path.mkdir(exist_ok=True)
            self._claim(asked)
            self.done = self._read()
        except OSError as error:
            raise LabError(f"cannot use the folder {path}: {error.strerror}; name another with -o") from None

    def _claim(self, asked: dict[str, Any]) -> None:
        note = self.path / "sweep.json"
        if not note.exists():
            if any(self.path.iterdir()):
                raise LabError(f"{self.path} holds other things than a sweep: name a new folder with -o")
            note.write_text(json.dumps(asked) + "\n")
            return
        try:
            there = {"cluster": "processes", **json.loads(note.read_text())}  # once there was no other
        except (ValueError, TypeError):
            there = {}
        if there != asked:
            different = [key for key in asked if there.get(key) != asked[key]]
            raise LabError(
                f"{self.path} holds another sweep (it differs in {', '.join(different)}): "
                "name a new folder with -o, or ask for the same again to go on with it"
            )

    def _read(self) -> dict[Cell, dict[str, Any]]:
        """The finished cells; half a line at the end, of a sweep that was killed, is cut off."""
        if not self._cells.exists():
            return {}
        data = self._cells.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(self._cells, whole)
        done = {}
        for number, line in enumerate(data[:whole].splitlines(), 1):
            try:
                record = json.loads(line)
                done[Cell(*(record[key] for key in KEYS))] = record
            except (ValueError, KeyError, TypeError):
                raise LabError(
                    f"{self._cells}, line {number} was changed or damaged: delete it, and the cell is played anew"
                ) from None
        return done

    def add(self, cell: Cell, record: dict[str, Any]) -> None:
        """Keep a finished cell. Raises LabError when there is no room."""
        try:
            with self._cells.open("ab") as file:
                file.write(json.dumps(record).encode() + b"\n")
        except OSError as error:
            raise LabError(
                f"cannot write {self._cells}: {error.strerror}; make room, then ask for the same again"
            ) from None
        self.done[cell] = record
