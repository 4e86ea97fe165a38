"""A run's journal: where it is kept when nobody names a file, how long, and that it never stops a run."""

import contextlib
import fcntl
import os
import platform
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenarios import __version__
from scenarios.errors import LabError
from scenarios.journal import JournalWriter, header
from scenarios.stage import Settings

KEPT_RUNS = 20
KEPT_BYTES = 1 << 30  # of all kept runs together; the newest stays, however long it is
SUFFIX = ".jsonl"


class Journal:
    """A journal that cannot stop a run: a full disk is said once the run is over, and nothing of the run is lost."""

    def __init__(self, writer: JournalWriter, place: Path, *, ours: bool) -> None:
        self.place = place
        self.failure: LabError | None = None
        self._writer = writer
        self._ours = ours  # a file in the folder of runs, which we named and may remove

    @property
    def whole(self) -> bool:
        """Whether the run is there to be read; to be asked once it is over."""
        return self.failure is None and self._writer.events > 0

    def write(self, event: Mapping[str, Any]) -> None:
        try:
            self._writer.write(event)
        except LabError as failure:
            self.failure = self.failure or failure
        except ValueError:  # a script's own mark may hold NaN, which is no JSON
            self.failure = self.failure or LabError(f"{self.place} lacks an event that cannot be written as JSON")

    def close(self) -> None:
        """Finish the file and say what went wrong with it; twice is fine."""
        try:
            self._writer.close()
        except LabError as failure:
            self.failure = self.failure or failure
        if self.failure:
            print(f"lab: {self.failure}", file=sys.stderr)
        if self._ours and not self._writer.events:
            self.place.unlink(missing_ok=True)  # the run never began


def journal_in(path: Path, settings: Settings, name: str) -> Journal:
    """A journal in the file that was named. Raises LabError at once when it cannot be written."""
    return Journal(JournalWriter(str(path), head(settings, name, time.time())), path, ours=False)


def journal_kept(settings: Settings, name: str, environ: Mapping[str, str] = os.environ) -> Journal | None:
    """A journal in the folder of runs; the oldest ones there make room. None, and one line that says why, when there
    is no place for it: a run does not need its record."""
    started = time.time()
    try:
        folder = runs_folder(environ)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = unused_name(folder, f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(started))}-{stem(name, settings)}")
        journal = Journal(JournalWriter(str(path), head(settings, name, started)), path, ours=True)
    except (OSError, LabError) as error:
        why = (
            f"{error.filename}: {error.strerror}; name a file: --journal FILE" if isinstance(error, OSError) else error
        )
        print(f"lab: this run is not recorded: {why}", file=sys.stderr)
        return None
    make_room(folder)
    return journal


def head(settings: Settings, name: str, started: float) -> dict[str, Any]:
    return header(
        session_lab=__version__,
        python=platform.python_version(),
        platform=sys.platform,
        seed=settings.seed,
        settings={"scenario": name, "servers": settings.servers, "users": settings.users, "pace": settings.pace},
        started=started,
    )


def runs_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where runs are kept: `session-lab/runs` in the user's folder for such things (XDG Base Directory: a relative
    XDG_STATE_HOME does not count). Raises LabError when there is no home."""
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    for state in (Path(environ.get("XDG_STATE_HOME", "")), home / ".local" / "state"):
        if state.is_absolute():
            return state / "session-lab" / "runs"
    raise LabError("you have no home folder; set XDG_STATE_HOME, or name a file: --journal FILE")


def newest_run(environ: Mapping[str, str] = os.environ) -> Path:
    """The run that was recorded last. Raises LabError when there is none."""
    if kept := kept_runs(runs_folder(environ)):
        return kept[0]
    raise LabError("no run is kept yet: make one (lab run keeps-logging-out), or name a journal")


def kept_runs(folder: Path) -> list[Path]:
    """The newest first."""
    found = []
    for path in folder.glob(f"*{SUFFIX}"):
        with contextlib.suppress(OSError):  # another run has just removed it
            found.append((path.stat().st_mtime_ns, path.name, path))
    return [path for *_, path in sorted(found, reverse=True)]


def make_room(folder: Path, runs: int = KEPT_RUNS, size: int = KEPT_BYTES) -> None:
    """Remove the oldest runs until at most so many are left, and so many bytes. One that is being written stays."""
    taken = 0
    for number, path in enumerate(kept_runs(folder)):
        with contextlib.suppress(OSError):
            taken += path.stat().st_size
            if number and (number >= runs or taken > size) and not is_being_written(path):
                path.unlink()


def is_being_written(path: Path) -> bool:
    """The writer of a journal holds a lock on it."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def stem(name: str, settings: Settings) -> str:
    """`keeps-logging-out-seed1`; of a script of one's own, its file's name."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(name).stem).strip("-.")[:60]
    return f"{plain or 'run'}-seed{settings.seed}"


def unused_name(folder: Path, stem: str) -> Path:
    """A file of this name, or with a number when two runs begin in the same second; it is there and empty now."""
    for number in range(1, 1000):
        path = folder / (f"{stem}{SUFFIX}" if number == 1 else f"{stem}-{number}{SUFFIX}")
        with contextlib.suppress(FileExistsError):
            path.touch(exist_ok=False)
            return path
    raise LabError(f"{folder} holds a thousand runs of this second; name a file: --journal FILE")
