"""Switching, adding, draining and removing under load costs nobody anything (load.py does ten runs in a row)."""

import pytest

from tests.faults.load import load

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_factories=["asyncio"])]


async def test_of_100_000_requests_none_fails_whatever_is_changed() -> None:
    """Failed: 0 of 100,000; POSTs doubled: 0; answered but not done: 0; rounds of changes: at least 20."""
    outcome = await load(requests=100_000, clients=32)
    assert dict(outcome.failures) == {}
    assert (outcome.answered, outcome.doubled, outcome.undone) == (100_000, 0, 0)
    assert outcome.changes >= 20
