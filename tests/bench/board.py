"""What the boards cost: CPU of a core with 200 requests a second, and of folding and recording.

    python -m tests.bench.board [--seconds 30] [--rate 200]

Each board draws on a real pseudo-terminal that this process empties; the child measures its own CPU time (user and
system, all threads). The goals: 2 % of a core for the rich board at 4 frames a second, 5 % for the application at 3,
which also looks into ten logbooks every 2 s. `feed alone` is the synthetic feed without a board, to tell its cost
apart.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import pty
import random
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from scenarios.boards.app.watch import watch_on_app
from scenarios.boards.board import Board
from scenarios.boards.live import watch_feed
from scenarios.folds.fold import Fold
from scenarios.journal import JournalReader, JournalWriter
from tests.scenarios.feeds import Event, act, act_end, mark, record, request, servers, ticket

TICK = 0.05  # seconds between the batches of the synthetic feed
FIGURES = "BENCH_FIGURES"  # the file descriptor on which the child tells its CPU time


def traffic(rate: int, seed: int = 1) -> Iterator[Event]:
    """Ten servers, nine wristbands in ten unknown, some tickets; an act every 20 s, a switch every 30 s."""
    rng = random.Random(seed)
    yield servers(0, 10)
    number = 0
    while True:
        at = number / rate
        if number % (20 * rate) == 0:
            if number:
                yield act_end(at, record("ten-servers"))
            yield act(at, "ten-servers")
        if number % (30 * rate) == 0:
            yield mark(at, "policy", "random")
        outcome = "unknown" if rng.random() < 0.9 else "hit"
        user, wristband = f"user{rng.randrange(40):02}", f"{rng.randrange(80):012x}"
        yield request(at, f"server-{rng.randrange(10) + 1}", outcome, wristband, user=user, duration=rng.random() / 50)
        if rng.random() < 0.01:
            yield ticket(at)
        number += 1


def tell(file: int) -> None:
    os.write(file, json.dumps({"cpu": time.process_time(), "at": time.monotonic()}).encode() + b"\n")


async def live(rate: int, seconds: float, figures: int) -> AsyncIterator[Event]:
    """The traffic as it would arrive, in batches, for so many seconds; its history fills the chart first."""
    events = traffic(rate)
    sent = 0
    history = 300 * rate
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < seconds:
        due = history + int(passed * rate)
        for _ in range(due - sent):
            yield next(events)
        if sent == 0:
            tell(figures)
        sent = due
        await asyncio.sleep(TICK)
    tell(figures)


async def drain(events: AsyncIterator[Event]) -> None:
    async for _ in events:
        pass


def child(mode: str, rate: int, seconds: float) -> None:
    events = live(rate, seconds, int(os.environ[FIGURES]))
    asyncio.run({"feed": drain, "board": watch, "app": watch_app}[mode](events))


async def watch(events: AsyncIterator[Event]) -> None:
    await watch_feed(events, leave=False)


async def watch_app(events: AsyncIterator[Event]) -> None:
    await watch_on_app(LabWithLogbooks(), events, Fold(), title="bench", clock=lambda: 0.0)  # type: ignore[arg-type]


class LabWithLogbooks:
    """Stands for the lab: only its logbooks are asked for, and come as the line of JSON they would be on its door."""

    def __init__(self) -> None:
        entries = [{"id": f"{n:06x}", "hash": "0" * 12, "user": f"user{n:02}", "age": n, "idle": n} for n in range(40)]
        names = [f"server-{n}" for n in range(1, 11)]
        books = [
            {"name": name, "store": "memory", "servers": [name], "sessions": 40, "trouble": None} for name in names
        ]
        self.said = json.dumps({"logbooks": [{**book, "entries": entries} for book in books]})

    async def logbooks(self, limit: int) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.said)
        return answer


def core_share(mode: str, columns: int, rows: int, rate: int, seconds: float) -> float:
    """CPU seconds a second, of one core."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    told, figures = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.board", "--child", mode, "--rate", str(rate), "--seconds", str(seconds)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        pass_fds=[figures],
        env={**os.environ, "TERM": "xterm-256color", FIGURES: str(figures)},
    )
    os.close(figures)
    os.close(theirs)
    try:
        while os.read(ours, 65536):
            pass
    except OSError:  # the terminal's other end is closed: the child has ended
        pass
    process.wait()
    os.close(ours)
    with os.fdopen(told) as lines:
        first, last = (json.loads(line) for line in lines)
    return float((last["cpu"] - first["cpu"]) / (last["at"] - first["at"]))


def per_call(do: Callable[[], object], times: int) -> float:
    """CPU microseconds a call, the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        for _ in range(times):
            do()
        best = min(best, (time.process_time() - begun) / times)
    return best * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--child", choices=["feed", "board", "app"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.rate, options.seconds)
        return
    report(options.rate, options.seconds)


def report(rate: int, seconds: float) -> None:
    events = traffic(rate)
    some = [next(events) for _ in range(20_000)]
    fold = Fold()
    print(f"fold     {per_call(lambda: fold.feed_all(some), 1) / len(some):6.2f} us per event")
    for columns, rows in ((80, 24), (160, 50)):
        cost = per_call(lambda c=columns, r=rows: Board().render(fold, c, r), 50)  # type: ignore[misc]
        print(f"render   {cost:6.0f} us per frame at {columns}x{rows}, before rich")
    with tempfile.TemporaryDirectory() as folder:
        print_journal(Path(folder) / "bench.journal", some)
    alone = core_share("feed", 80, 24, rate, seconds)
    print(f"live     {alone:6.2%} of a core: {rate} requests/s, feed alone")
    for columns, rows in ((80, 24), (160, 50)):
        share = core_share("board", columns, rows, rate, seconds)
        print(f"live     {share:6.2%} of a core: {rate} requests/s, 4 frames/s at {columns}x{rows} (goal: 2 %)")
    for columns, rows in ((80, 24), (160, 50)):
        share = core_share("app", columns, rows, rate, seconds)
        print(f"app      {share:6.2%} of a core: {rate} requests/s, 3 frames/s at {columns}x{rows} (goal: 5 %)")


def print_journal(path: Path, events: list[Event]) -> None:
    begun = time.process_time()
    with JournalWriter(str(path), {"journal": 1}) as journal:
        for event in events:
            journal.write(event)
    written = time.process_time()
    for _ in JournalReader(str(path)):
        pass
    read = time.process_time()
    print(f"journal  {(written - begun) / len(events) * 1e6:6.2f} us per event written, ", end="")
    print(f"{(read - written) / len(events) * 1e6:.2f} read, {path.stat().st_size / len(events):.0f} bytes")


if __name__ == "__main__":
    main()
