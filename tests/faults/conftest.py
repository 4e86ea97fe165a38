"""The rig of tests/balancer, for faults that one process can show; processes.py has the others."""

from tests.balancer.conftest import pytest_asyncio_loop_factories, rig, start

__all__ = ["pytest_asyncio_loop_factories", "rig", "start"]
