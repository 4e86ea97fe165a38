"""Programs beside the lab (Redis, PostgreSQL, other proxies): how one is described, started, signalled and awaited."""

import asyncio
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from scenarios.errors import LabError

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
LONGEST_SOCKET_PATH = 103  # sun_path has 104 bytes on macOS and BSD, 108 on Linux, with the closing NUL

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Program:
    """What to run, as whom, and the signal that makes it end at once without leaving anything behind."""

    name: str
    argv: tuple[str, ...]
    log: str
    user: str = ""  # run as this user; "" = as we are
    end_signal: int = signal.SIGKILL  # also sent by the kernel when our parent dies
    published: str = ""  # HOST:PORT where people reach it, if they do; its container opens that


class Running(Protocol):
    """One started program."""

    @property
    def pid(self) -> int: ...

    async def signal(self, number: int) -> None:
        """Send a signal; a program that has ended already is left alone."""

    async def wait(self) -> int:
        """Wait for the end; the exit status, or minus the number of the signal that ended it."""


Launch = Callable[[Program], Awaitable[Running]]


def find_program(name: str) -> str | None:
    """On PATH, where Debian keeps servers, or where pip puts one."""
    places = (os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", os.path.dirname(sys.executable))
    return shutil.which(name, path=os.pathsep.join(places))


def die_with_parent(number: int, parent: int) -> None:
    """To be called in the child: the kernel sends `number` when the parent's (forking) thread ends."""
    _libc.prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it died between the fork and the prctl
        os._exit(1)


def set_title(title: str) -> None:
    """The name that ps and top show (15 bytes): forked processes would all show their parent's."""
    _libc.prctl(PR_SET_NAME, title.encode()[:15])


def spawn(program: Program) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that Ctrl-C in the lab's terminal does not reach it.

    Raises LabError when it cannot be executed.
    """
    parent = os.getpid()
    account = pwd.getpwnam(program.user) if program.user else None
    with open(program.log, "ab") as log:
        try:
            return subprocess.Popen(
                program.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",  # never hold a folder that the lab is going to remove
                env=os.environ | {"LC_ALL": "C"},  # Redis and initdb refuse locales that the machine lacks
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
                preexec_fn=lambda: die_with_parent(program.end_signal, parent),
            )
        except OSError as error:
            raise LabError(f"cannot start {program.argv[0]}: {error.strerror}") from error


class Child:
    """A program started by this very process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    async def signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def wait(self) -> int:
        if self._process.poll() is not None:
            return self._process.returncode
        await wait_for_pidfd(self.pid)
        return self._process.wait()


async def wait_for_pidfd(pid: int) -> None:
    """Wait for the end of a child of ours that nobody has collected yet, without a thread or a signal handler."""
    ended = asyncio.Event()
    descriptor = os.pidfd_open(pid)
    loop = asyncio.get_running_loop()
    try:
        loop.add_reader(descriptor, ended.set)
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def launch_here(program: Program) -> Running:
    """The `Launch` for tests and tools: a child of the current process, ended by the kernel with it."""
    return Child(spawn(program))


async def end(running: Running, number: int, patience: float) -> None:
    """Ask with `number`, wake it if it is stopped, and insist with SIGKILL after `patience` seconds."""
    await running.signal(number)
    await running.signal(signal.SIGCONT)
    try:
        await asyncio.wait_for(running.wait(), patience)
    except TimeoutError:
        await running.signal(signal.SIGKILL)
        await running.wait()


def children_of(pid: int) -> set[int]:
    """None of one that has ended."""
    with suppress(OSError):
        return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    return set()


def last_line(log: Path) -> str:
    """What a program that ended unexpectedly said last."""
    try:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return "it wrote no log"
    return lines[-1] if lines else "it said nothing"


def last_words(log: Path, lines: int = 3) -> str:
    """The same with the lines before it, in one."""
    try:
        said = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return "it said nothing"
    return " / ".join(said[-lines:])[-400:] or "it said nothing"


def check_socket_path(path: Path) -> None:
    """Raises LabError when the kernel could not take this path for a Unix socket."""
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise LabError(f"{path} is too long for a Unix socket: use a shorter lab name or XDG_RUNTIME_DIR")
