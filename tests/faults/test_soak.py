"""The soak in short: a few rounds of mixed load with faults, after each of which nothing may be left."""

import pytest

from tests.soak import FEWEST, soak

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_factories=["asyncio"])]


async def test_a_short_soak_leaves_nothing_and_answers_right() -> None:
    """It raises Failure for whatever is wrong; `python -m tests.soak --minutes 10` looks longer for growth."""
    soaked = await soak(minutes=0.1, visitors=20, seed=2)
    assert len(soaked.rounds) >= FEWEST
    descriptors = [measured.descriptors for measured in soaked.rounds]
    assert max(descriptors) - min(descriptors) <= 4  # of a health check under way, one for each backend
    assert soaked.seen["200"] > 1000
    assert soaked.seen["101"] > 10
    assert soaked.seen["502"] > 10
