"""The one record of a run: JSON Lines, a header first, one event a line, a last line that says it is whole.

{"journal":1,"session_lab":"0.1.0","python":"3.11.2","platform":"linux","seed":7,"settings":{...},
 "started":1700000000.0}
{"kind":"request","time":1700000000.1,...}
{"kind":"end","events":1}
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from typing import Any

from scenarios.errors import LabError
from scenarios.events import Event, complaint

VERSION = 1
MAX_LINE = 1 << 20  # bytes; a foreign file with no line ends must not be read into memory
BATCH_BYTES = 1 << 16
BATCH_SECONDS = 0.5  # of the events' own time: what a killed lab can lose
DAMAGED = "the file was changed or damaged, record the run again"


def header(
    *, session_lab: str, python: str, platform: str, seed: int | None, settings: Mapping[str, Any], started: float
) -> dict[str, Any]:
    """The first line. `started` is Unix time in seconds; `settings` is whatever the run was started with."""
    return {
        "journal": VERSION,
        "session_lab": session_lab,
        "python": python,
        "platform": platform,
        "seed": seed,
        "settings": dict(settings),
        "started": started,
    }


class JournalWriter:
    """Appends events to a new journal. After the first failure it writes nothing more, so the run itself can go on.

    An empty file or an earlier journal at `path` is replaced; any other file is refused. Raises LabError when the file
    cannot be opened or written. What is on disk then ends with a whole line; `lost` counts the events that are missing.
    """

    def __init__(self, path: str, head: Mapping[str, Any]) -> None:
        self.path = path
        self.events = 0  # written or waiting in the batch
        self.lost = 0
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._flushed_at = 0.0
        self._size = self._lines = 0  # bytes and lines of finished batches, all whole
        self._file = self._open()
        self._put(dict(head))
        self.flush()  # a full disk or a read-only folder shows before the run starts, not after it

    def _open(self) -> int | None:
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise LabError(
                f"cannot write the journal {self.path}: {error.strerror}; name a file in a folder you may write to"
            ) from None
        self._regular = stat.S_ISREG(os.fstat(file).st_mode)
        if self._regular:
            beginning = os.read(file, 12)
            if beginning and not beginning.startswith(b'{"journal":'):
                os.close(file)
                raise LabError(f"{self.path} exists and is no journal, so it was left alone; name another file")
            with contextlib.suppress(OSError):  # tells others that it is being written; no file system must have locks
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            os.lseek(file, 0, os.SEEK_SET)
            os.ftruncate(file, 0)
        return file

    def write(self, event: Mapping[str, Any]) -> None:
        """Take one event; it reaches the file with its batch. Raises LabError when the batch could not be written."""
        if self._file is None:
            self.lost += 1
            return
        self._put(event)
        self.events += 1
        time = event.get("time", self._flushed_at)
        if self._waiting_bytes >= BATCH_BYTES or not 0 <= time - self._flushed_at < BATCH_SECONDS:
            self._flushed_at = time
            self.flush()

    def _put(self, line: Mapping[str, Any]) -> None:
        data = json.dumps(line, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        self._waiting.append(data)
        self._waiting_bytes += len(data)

    def flush(self) -> None:
        """Bring the batch to the file. Raises LabError when there is no room, and then gives the rest up."""
        if self._file is None or not self._waiting:
            return
        data = memoryview(b"".join(self._waiting))
        done = 0
        try:
            while done < len(data):
                done += os.write(self._file, data[done:])
        except OSError as error:
            self._give_up(bytes(data[:done]))
            raise LabError(
                f"the journal {self.path} ends after {self.events} events: {error.strerror}; "
                "make room or name another file with --journal, then run again"
            ) from None
        self._size += len(data)
        self._lines += len(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0

    def _give_up(self, written: bytes) -> None:
        """Cut the file back to its last whole line, count what is missing, and stop."""
        assert self._file is not None
        whole = written.rfind(b"\n") + 1
        events = max(0, self._lines + written[:whole].count(b"\n") - 1)  # the first line is the header
        self.lost += self.events - events
        self.events = events
        if self._regular:
            with contextlib.suppress(OSError):  # the line cut in two stays, and the reader says so
                os.ftruncate(self._file, self._size + whole)
                if not self._size + whole:
                    os.unlink(self.path)
        with contextlib.suppress(OSError):
            os.close(self._file)
        self._file = None

    def close(self) -> None:
        """Write what waits and the last line. Raises LabError like `flush`; calling it twice is fine."""
        if self._file is None:
            return
        self._put({"kind": "end", "events": self.events})
        try:
            self.flush()
        finally:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class JournalReader:
    """A journal's `header`, and its events one by one in constant memory. LabError names the line that is wrong."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._file = open(path, "rb")  # noqa: SIM115 - closed when the events end, or by close()
            self._size = os.fstat(self._file.fileno()).st_size
            first = self._file.readline(MAX_LINE)
        except OSError as error:
            raise LabError(
                f"cannot read the journal {path}: {error.strerror}; name a file written by `lab run --journal FILE`"
            ) from None
        try:
            self.header = self._header(first)
        except LabError:
            self._file.close()
            raise

    def _wrong(self, number: int, what: str) -> LabError:
        return LabError(f"{self.path}, line {number}: {what}")

    def _header(self, first: bytes) -> dict[str, Any]:
        if not first:
            raise self._wrong(1, "the file is empty; record a run with `lab run NAME --journal FILE`")
        head = _parse(first)
        if head is None or "journal" not in head:
            raise self._wrong(1, "this is no journal of Session Lab; name a file written by `lab run --journal FILE`")
        if head["journal"] != VERSION:
            writer = f"journal version {head['journal']}, written by Session Lab {head.get('session_lab', '?')}"
            raise self._wrong(1, f"{writer}; this one reads version {VERSION}: replay it with the one that wrote it")
        return head

    def __iter__(self) -> Iterator[Event]:
        number = 1
        with self._file as file:
            while line := file.readline(MAX_LINE):
                number += 1
                if not line.endswith(b"\n"):
                    raise self._wrong(number, _cut(line, number))
                event = _parse(line)
                if event is None:
                    raise self._wrong(number, f"not a JSON object; {DAMAGED}")
                if event.get("kind") == "end":
                    self._check_end(event, number, file.read(1))
                    return
                if wrong := complaint(event):
                    raise self._wrong(number, f"{wrong}; {DAMAGED}")
                yield event
        raise self._wrong(
            number,
            "the journal stops here without its last line: the run was killed or the file cut; "
            "what you saw is whole, but there was more: record the run again to have it all",
        )

    def _check_end(self, end: Event, number: int, more: bytes) -> None:
        if more:
            raise self._wrong(number + 1, "the journal ended on the line before; delete this and what follows")
        if end.get("events") != number - 2:
            counts = f"the last line speaks of {end.get('events')} events, and {number - 2} are here"
            raise self._wrong(number, f"{counts}; {DAMAGED}")

    @property
    def share(self) -> float:
        """How much of the file has been read, a fraction; 1 when it is closed."""
        if self._file.closed or not self._size:
            return 1.0
        return min(1.0, self._file.tell() / self._size)

    def close(self) -> None:
        """Close the file before the events are read to their end."""
        self._file.close()


def _cut(line: bytes, number: int) -> str:
    if len(line) >= MAX_LINE:
        return f"longer than {MAX_LINE} bytes, so no line of a journal; name a file written by `lab run --journal FILE`"
    return f"cut off in the middle, lines 1 to {number - 1} are whole; record the run again to have it all"


def _no_constant(name: str) -> float:
    raise ValueError(name)  # NaN and Infinity are no JSON, and would poison every sum


_DECODER = json.JSONDecoder(parse_constant=_no_constant)  # json.loads would make one for each line: a third of its time


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        value = _DECODER.decode(line.decode())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
