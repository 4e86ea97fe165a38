"""As many mutated messages as there is time for: requests as the strict parsers, h11 and llhttp read them, and answers.

    .venv/bin/python -m tests.fuzz.longer --messages 1000000 --seed 1

A finding ends it with exit code 1 and the bytes that led to it. Reduce them, put them into findings.py, and mend what
they show.
"""

import argparse
import asyncio
import contextlib
import sys
import time
from random import Random

from tests.fuzz import answers, conversations
from tests.fuzz.llhttp import NODE, llhttp
from tests.fuzz.memory import MemoryLoop

ROUND = 10_000
"""Messages between two lines of progress; one of ten is an answer."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--messages", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, begun = Random(options.seed), time.monotonic()
    requests, responses = conversations.Tally(), answers.Tally()
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(llhttp()) if NODE is not None else None
        runner = stack.enter_context(asyncio.Runner(loop_factory=MemoryLoop))
        while (done := requests.messages + responses.messages) < options.messages:
            count = min(ROUND, options.messages - done)
            try:
                runner.run(conversations.converse(rng, count - count // 10, requests, reader))
                runner.run(answers.converse(rng, count // 10, responses))
            except AssertionError as finding:
                print(f"{finding}: {finding.__cause__}", file=sys.stderr)
                return 1
            print(f"{done + count} messages, {time.monotonic() - begun:.0f} s", flush=True)
    print(f"{requests}\n{responses}" + ("" if reader else "\nllhttp was not asked: no node here"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
