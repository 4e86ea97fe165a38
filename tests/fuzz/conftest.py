"""The loop of production, for the tests that use real sockets."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from balancer.plane import WireLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"wire": WireLoop}
