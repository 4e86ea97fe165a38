"""A child process on a pseudo-terminal of its own, for tests of what takes a terminal over and gives it back."""

import codecs
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
WITHIN = 20.0  # seconds for anything the child should do


class Terminal:
    """The child runs the Python text `program`, with `words` as its arguments."""

    def __init__(
        self,
        program: str,
        environ: dict[str, str] | None = None,
        columns: int = 80,
        rows: int = 24,
        words: Sequence[str] = (),
    ) -> None:
        self.ours, theirs = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.ours)
        self.child = subprocess.Popen(
            [sys.executable, "-c", f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n{program}", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "PYTHONPATH": os.getcwd(), **(environ or {})},
        )
        self.theirs = theirs  # kept open, so that the settings can be asked for after the child has ended
        self.decode = codecs.getincrementaldecoder("utf-8")().decode  # a read may end within a character
        self.said = ""

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def read_until(self, seen: Callable[[str], object]) -> str:
        """What the child has written once `seen` says yes of it."""
        end = time.monotonic() + WITHIN
        while not seen(self.said):
            ready, _, _ = select.select([self.ours], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"not seen within {WITHIN} s; so far: {self.said[-3000:]!r}"
            self.said += self.decode(os.read(self.ours, 65536))
        return self.said

    def end(self) -> int:
        """Wait for the child's end, reading what it still says. Its exit code."""
        end = time.monotonic() + WITHIN
        while self.child.poll() is None or select.select([self.ours], [], [], 0)[0]:
            assert time.monotonic() < end, self.said[-3000:]
            if select.select([self.ours], [], [], 0.05)[0]:
                self.said += self.decode(os.read(self.ours, 65536))
        return self.child.returncode

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.ours)[3] & termios.ECHO)

    def close(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        for file in (self.ours, self.theirs):
            with suppress(OSError):
                os.close(file)
