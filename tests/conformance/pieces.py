"""How bytes travel: all at once, in seeded pieces, or one by one. No verdict may depend on it."""

import asyncio
from contextlib import suppress
from itertools import pairwise
from random import Random

from tests.balancer.rig import Line

WHOLE, CUTS, BYTES = "whole", "in pieces", "byte by byte"
MOST_BYTES = 800
"""Longer messages are cut at random places, this many at most, where others come byte by byte."""


def pieces(data: bytes, how: str) -> list[bytes]:
    if how == WHOLE:
        return [data]
    if how == BYTES and len(data) <= MOST_BYTES:
        return [data[at : at + 1] for at in range(len(data))]
    rng = Random(data)
    count = rng.randint(1, 6) if how == CUTS else MOST_BYTES // 4
    places = sorted({0, len(data), *(rng.randrange(len(data) + 1) for _ in range(count))})
    return [data[start:end] for start, end in pairwise(places)]


async def send(line: Line, data: bytes, how: str) -> None:
    """Send it, until the other side has ended: it may do so before it has got everything."""
    with suppress(ConnectionError):
        for piece in pieces(data, how):
            line.send(piece)
            await asyncio.sleep(0)  # the other side reads in between
        await line.flush()
