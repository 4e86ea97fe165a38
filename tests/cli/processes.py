"""The command line as a process, and what it may leave behind."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parents[2]
LAB = [sys.executable, "-P", "-m", "scenarios"]

Done = subprocess.CompletedProcess[str]
Lab = Callable[..., Done]


def left(runtime: Path) -> list[str]:
    """Folders of labs, and processes started with this runtime folder, that are still there 5 s later."""
    deadline = time.monotonic() + 5
    while (found := folders(runtime) + processes(runtime)) and time.monotonic() < deadline:
        os.sched_yield()
    return found


def folders(runtime: Path) -> list[str]:
    return [str(path) for path in runtime.glob("session-lab/*")]


def processes(runtime: Path) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("XDG_RUNTIME_DIR") == str(runtime) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
        except psutil.Error:
            continue
    return found
