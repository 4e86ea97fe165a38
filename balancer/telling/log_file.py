"""A file that lines are added to by a thread of its own: a slow disk or reader keeps no request waiting."""

import errno
import os
import stat
import sys
from queue import SimpleQueue
from select import PIPE_BUF
from threading import Thread

from balancer.say import say

MOST_WAITING = 8 * 1024 * 1024
"""Bytes on their way to the file; what would come on top is dropped, and counted."""
PATIENCE = 2.0
"""Seconds for the last lines, when the balancer ends."""


def open_log(path: str) -> int:
    """A descriptor that adds to this file, or stdout for `-`. Raises OSError, also for a pipe that nobody reads."""
    if path == "-":
        return 1
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o640)
    os.set_blocking(fd, True)
    return fd


def check_log(path: str) -> None:
    """Whether `open_log` could do it, without making a file. Raises OSError."""
    if path == "-":
        return
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK))
    except FileNotFoundError:
        folder = os.path.dirname(path) or "."
        os.stat(folder)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None


class LogFile:
    """Lines go in order and whole, so several processes may add to one file, or to a pipe as long as no line is longer
    than PIPE_BUF (4 KiB). Raises OSError if it cannot be opened."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._use(open_log(path))
        self._warned = False
        # Two threads count, each its own: the one that adds, and the one that writes.
        self._added = self._bytes_added = self._refused = 0
        self._written = self._bytes_done = self._failed = 0
        self._work: SimpleQueue[bytes | None] = SimpleQueue()
        """Lines; nothing, when the file is to be opened anew; None at the end."""
        self._thread = Thread(target=self._run, name="access log", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines that will never be in the file."""
        return self._refused + self._failed

    def add(self, lines: bytes) -> None:
        """Whole lines. Never waits."""
        if self._bytes_added - self._bytes_done + len(lines) > MOST_WAITING:
            self._refused += lines.count(b"\n")
            self._warn("it takes lines too slowly")
            return
        self._added += lines.count(b"\n")
        self._bytes_added += len(lines)
        self._work.put(lines)

    def reopen(self) -> None:
        """What was added before goes to the old file, wherever it has been moved; what comes later, to a new one."""
        self._work.put(b"")

    def close(self) -> None:
        """Return when everything is written, or cannot be for PATIENCE seconds."""
        self._work.put(None)
        self._thread.join(PATIENCE)
        missing = self._added - self._written + self._refused
        if missing:
            say(f"access log {self._path}: {missing} lines were dropped")

    def _warn(self, why: str) -> None:
        if not self._warned:
            self._warned = True
            say(
                f"access log {self._path}: {why}; lines are dropped while this lasts"
                " (`log_dropped` in the state counts them)"
            )

    # The thread that writes

    def _run(self) -> None:
        while (lines := self._work.get()) is not None:
            if lines:
                self._write(lines)
                self._bytes_done += len(lines)
            else:
                self._open_anew()
        if self._fd != 1:
            os.close(self._fd)

    def _open_anew(self) -> None:
        try:
            fd = open_log(self._path)
        except OSError as failure:
            say(f"access log {self._path} cannot be opened anew: {failure.strerror}; lines still go to the old file")
            return
        if self._fd != 1:
            os.close(self._fd)
        self._use(fd)

    def _use(self, fd: int) -> None:
        self._fd, self._torn = fd, False
        # What is longer than this, another process's lines may cut in two when a pipe is full (pipe(7)).
        self._at_once = sys.maxsize if stat.S_ISREG(os.fstat(fd).st_mode) else PIPE_BUF

    def _write(self, lines: bytes) -> None:
        rest = b"\n" + lines if self._torn else lines  # half a line is left: the next one must not be glued to it
        try:
            while rest:
                count = os.write(self._fd, rest[: whole(rest, self._at_once)])
                self._torn = rest[count - 1] != ord("\n")
                rest = rest[count:]
        except OSError as failure:  # a full disk, a reader that has gone: the next lines may fare better
            lost = rest[-len(lines) :].count(b"\n")
            self._failed += lost
            self._warn(failure.strerror or str(failure))
        else:
            lost = 0
        self._written += lines.count(b"\n") - lost


def whole(lines: bytes, most: int) -> int:
    """The length of as many whole lines as `most` bytes can hold; of the first, if that is longer."""
    return len(lines) if len(lines) <= most else lines.rfind(b"\n", 0, most) + 1 or lines.index(b"\n") + 1
