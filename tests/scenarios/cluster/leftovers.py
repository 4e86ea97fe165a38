"""What a test leaves behind."""

import os
import time
from pathlib import Path

import psutil


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process that names this folder in its command line or has a file of it open, except this one."""
    found = []
    for process in psutil.process_iter():
        try:
            named = any(str(folder) in argument for argument in process.cmdline())
            opened = named or any(file.path.startswith(str(folder)) for file in process.open_files())
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
        if opened and process.pid != os.getpid():
            found.append(process)
    return found


def still_alive(family: list[psutil.Process], within: float = 8.0) -> list[psutil.Process]:
    """Which of these have not ended after `within` seconds; one that only waits to be collected has ended."""
    _, left = psutil.wait_procs(family, timeout=0.1)
    deadline = time.monotonic() + within
    while (left := [process for process in left if not has_ended(process)]) and time.monotonic() < deadline:
        psutil.wait_procs(left, timeout=0.1)
    return left


def has_ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def assert_nothing_left(folder: Path) -> None:
    assert processes_of(folder) == []
    assert not folder.exists()
