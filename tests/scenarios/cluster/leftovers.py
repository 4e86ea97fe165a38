"""What a test leaves behind."""

import os
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
