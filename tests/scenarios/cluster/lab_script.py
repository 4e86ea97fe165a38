"""A small lab in a process of its own, to be killed by tests: `python lab_script.py NAME STORE`.

Prints one JSON line when the cluster serves, and another when it has been told to end but has not begun to.
"""

# ruff: noqa: E402 - as the command line does: Python may swallow a Ctrl-C while it imports
import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)

import asyncio
import json
import sys
from typing import Any

from scenarios import runtime
from scenarios.cluster.door import open_door
from scenarios.cluster.processes import ProcessCluster


def say(word: dict[str, Any]) -> None:
    print(json.dumps(word), flush=True)


async def play(place: runtime.Place, store: str) -> None:
    cluster = await ProcessCluster.start(place.folder, servers=2, store=store, keep=(place.lock,))
    async with cluster, open_door(cluster, place.folder / runtime.DOOR) as ended:
        try:
            say({**await cluster.state(), "folder": str(place.folder)})
            await ended.wait()
        finally:
            say(await cluster.state())


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    place = runtime.claim(sys.argv[1])
    try:
        asyncio.run(play(place, sys.argv[2]))
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        place.release()


if __name__ == "__main__":
    main()
