"""The keep-alive race with real servers and real time: thousands of POSTs, each done exactly once."""

import shutil

import pytest

from tests.faults.race import CASES, race

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_factories=["asyncio"])]


@pytest.mark.parametrize("name", CASES)
async def test_no_post_is_lost_and_none_is_done_twice(name: str) -> None:
    """Lost: 0; doubled: 0; GETs that failed: 0; answers of the balancer's own: 0; errors counted: 0."""
    if "node" in name and shutil.which("node") is None:
        pytest.skip("node is not installed")
    result = await race(CASES[name], requests=3000)
    assert result.posts > 1000
    assert (result.lost, result.doubled, dict(result.failures)) == (0, 0, {})
    totals = result.state["totals"]
    assert (totals["statuses"], totals["errors"]) == ({"2xx": 3000}, 0)
