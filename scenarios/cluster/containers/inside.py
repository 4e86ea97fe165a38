"""The first process of a container of the lab: `python3 -m` this module, with KEY KIND FOLDER NAME CONFIG.

The lab's folder is mounted at its own path, so control sockets and files are where they are for everybody else.
"""

import json
import os
import socket
import sys
from pathlib import Path

from scenarios.cluster.kinds import KINDS

WORDS = "words.sock"
"""In the lab's folder: there the lab is told who is ready, and at which address."""


def main() -> None:
    key, kind, folder, name, config = sys.argv[1:]
    log = os.open(Path(folder) / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    with socket.socket(socket.AF_UNIX) as lab:
        lab.connect(str(Path(folder) / WORDS))

        def ready(address: str) -> None:
            lab.sendall(json.dumps({"key": int(key), "ready": address}).encode() + b"\n")

        KINDS[kind](json.loads(config), ready)


if __name__ == "__main__":
    main()
