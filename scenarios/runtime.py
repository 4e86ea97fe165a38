"""Where running labs live: one private folder per lab in the user's runtime folder, locked while it is in use.

The lock is a flock on the folder itself, shared with the lab's nursery: it is free again only when both have
ended, whichever way, so whoever gets it may remove what the folder still holds.
"""

import asyncio
import fcntl
import json
import os
import re
import select
import shutil
import signal
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.cluster.nursery import wipe
from scenarios.cluster.postgres_server import wipe_postgres
from scenarios.cluster.programs import wait_for_pidfd
from scenarios.errors import LabError
from servers.control import ControlError, call

NAMES = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")
LONGEST_BASE = 60  # bytes, so that BASE/NAME/server-100.sock stays below the limit of Unix sockets
NURSERY_CLEANS_WITHIN = 6.0  # seconds after `kill -9` of a lab
LAB_STOPS_WITHIN = 60.0  # a hundred containers take their time
ASK_AGAIN = 0.02
NOTE = "lab.json"
DOOR = "lab.sock"


@dataclass(frozen=True)
class Place:
    """A lab's folder, locked by us as long as `lock` (a descriptor) is open here or in the nursery."""

    name: str
    folder: Path
    lock: int

    def release(self) -> None:
        """Give it up; the folder goes, unless the nursery has removed it already."""
        if is_locked_here(self.lock, self.folder):
            wipe(self.folder)
        os.close(self.lock)


def base_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's folder of labs, made when missing. Raises LabError when it cannot be ours and private."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    base = Path(runtime) / "session-lab"
    if not runtime or len(os.fsencode(base)) > LONGEST_BASE or not os.access(runtime, os.W_OK):
        base = Path(f"/tmp/session-lab-{os.getuid()}")
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        found = base.lstat()  # not through a link that somebody else may have put there
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise LabError(f"{base} belongs to somebody else: set XDG_RUNTIME_DIR to a folder of yours")
        base.chmod(0o700)
    except OSError as error:
        raise LabError(f"cannot use {base} ({error.strerror}): set XDG_RUNTIME_DIR to a folder of yours") from None
    return base


def claim(name: str, environ: Mapping[str, str] = os.environ) -> Place:
    """Take this name for a new lab and clear what a dead one left. Raises LabError: in use, or not a name.

    Waits a few seconds while the nursery of a killed lab is still cleaning up.
    """
    folder = folder_of(name, environ)
    deadline = time.monotonic() + NURSERY_CLEANS_WITHIN
    while (lock := try_lock(folder)) is None:
        if is_alive(owner(folder)) or time.monotonic() > deadline:
            raise LabError(f"a lab named {name!r} is running: end it (lab down --name {name}) or use another --name")
        time.sleep(ASK_AGAIN)
    place = Place(name, folder, lock)
    try:
        clear(folder)
        (folder / NOTE).write_text(json.dumps({"name": name, "pid": os.getpid()}))
    except OSError as error:
        place.release()
        raise LabError(f"cannot write into {folder} ({error.strerror}): make room, or set XDG_RUNTIME_DIR") from None
    return place


def find(name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of a running lab. Raises LabError when there is none of this name."""
    folder = folder_of(name, environ)
    if is_running(folder):
        return folder
    others = ", ".join(labs(environ))
    raise LabError(f"no lab named {name!r} is running ({f'running: {others}' if others else 'start one with: lab up'})")


def labs(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The names of the labs that run now."""
    folders = sorted(folder for folder in base_folder(environ).iterdir() if folder.is_dir())
    return [folder.name for folder in folders if is_running(folder)]


async def down(name: str, environ: Mapping[str, str] = os.environ) -> None:
    """End a running lab, or clear what is left of a dead one. Returns when nothing of it is left."""
    folder = folder_of(name, environ)
    if folder.is_dir() and not is_running(folder):
        claim(name, environ).release()
        return
    pid = owner(find(name, environ))
    with suppress(ProcessLookupError):  # it has just ended by itself
        try:
            async with asyncio.timeout(LAB_STOPS_WITHIN):
                await end_orderly(pid, folder / DOOR)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)  # it hangs; its nursery cleans up
            await wait_for_pidfd(pid)
    claim(name, environ).release()  # waits for the nursery


async def end_orderly(pid: int, door: Path) -> None:
    try:
        await call(door, "down")
    except ControlError:
        os.kill(pid, signal.SIGTERM)  # it is still starting
    await wait_for_pidfd(pid)


def detach(lab: Callable[[Callable[[dict[str, Any]], None]], None]) -> dict[str, Any]:
    """Run `lab(say_ready)` in the background, in a session of its own. Returns what it said when it was ready; until
    then its standard error is ours (an image is being built). After Ctrl-C it ends first.

    To be called without a running event loop or thread. Raises LabError when the lab does, or ends silently.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        run_detached(lab, writing)
    os.close(writing)
    try:
        with open(reading, "rb") as answer:
            said = answer.readline()
    except KeyboardInterrupt:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        raise
    word: dict[str, Any] = json.loads(said or '{"error": "the lab ended while it started: try without --detach"}')
    if "error" in word:
        os.waitpid(pid, 0)
        raise LabError(word["error"])
    return dict(word["ready"])


def run_detached(lab: Callable[[Callable[[dict[str, Any]], None]], None], writing: int) -> None:
    """The life of the background lab, from the fork to its end; never returns."""

    def say(word: dict[str, Any]) -> None:
        with suppress(OSError):  # a second word, or nobody waits for it any more
            os.write(writing, json.dumps(word).encode() + b"\n")
            os.close(writing)

    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)

        def ready(word: dict[str, Any]) -> None:
            os.dup2(nowhere, 2)
            say({"ready": word})

        lab(ready)
    except LabError as error:
        say({"error": str(error)})
    except BaseException as error:  # noqa: BLE001 - the caller's stack must not run twice
        say({"error": f"the lab failed: {error!r}"})
    finally:
        os._exit(0)


def folder_of(name: str, environ: Mapping[str, str]) -> Path:
    if not NAMES.fullmatch(name):
        raise LabError(f"{name!r} is no name for a lab: use up to 20 lower-case letters, digits and hyphens")
    return base_folder(environ) / name


def try_lock(folder: Path) -> int | None:
    """A descriptor that locks the folder, made when missing; None when somebody else has it."""
    while True:
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue  # its owner removed it in between
        except OSError as error:
            raise LabError(f"cannot use {folder} ({error.strerror}): remove it, or use another --name") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        if is_locked_here(lock, folder):
            return lock
        os.close(lock)  # that folder is removed by now


def is_locked_here(lock: int, folder: Path) -> bool:
    """Whether the folder at this path is the one that `lock` holds."""
    try:
        return os.path.samestat(os.fstat(lock), folder.stat())
    except FileNotFoundError:
        return False


def clear(folder: Path) -> None:
    """Remove what a dead lab left in its folder, but not the folder, which is locked."""
    wipe_postgres(folder / "pg")
    for leftover in folder.iterdir():
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def owner(folder: Path) -> int:
    """The pid of the lab that last claimed this folder; 0 when that is unknown."""
    try:
        return int(json.loads((folder / NOTE).read_text())["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def is_alive(pid: int) -> bool:
    """One that has ended and only waits for its parent to collect it is not."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    with os.fdopen(descriptor) as ended:
        return not select.select([ended], [], [], 0)[0]


def is_running(folder: Path) -> bool:
    """Whether a lab lives here: somebody holds the lock, and its owner's pid is not just used again."""
    try:
        probe = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return is_alive(owner(folder))
    finally:
        os.close(probe)
    return False
