"""Short, private folders for clusters."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder that need not exist any more at the end."""
    made = Path(tempfile.mkdtemp(prefix="lab-", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def environ(folder: Path) -> dict[str, str]:
    """Labs in a runtime folder of the test's own, without the user's REDIS_URL and DATABASE_URL."""
    kept = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATABASE_URL")}
    return kept | {"XDG_RUNTIME_DIR": str(folder)}
