import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.processes import HERE, LAB, Done, Lab, left


@pytest.fixture
def environ(short_folder: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A runtime folder of the test's own; at its end no lab and no process may be left in it."""
    runtime = short_folder / tmp_path.name[-24:]
    runtime.mkdir()
    yield {**os.environ, "PYTHONPATH": str(HERE), "XDG_RUNTIME_DIR": str(runtime), "TERM": "xterm", "COLUMNS": "100"}
    subprocess.run([*LAB, "down"], env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)}, capture_output=True)
    assert left(runtime) == []


@pytest.fixture
def lab(environ: dict[str, str], tmp_path: Path) -> Lab:
    def start(*words: str, **more: str) -> Done:
        return subprocess.run(
            [*LAB, *words], env={**environ, **more}, cwd=tmp_path, capture_output=True, text=True, timeout=100
        )

    return start


@pytest.fixture
def up(lab: Lab) -> str:
    """A detached lab with three servers that know only their own; its address."""
    done = lab("up", "--servers", "3", "--detach")
    assert done.returncode == 0, done.stderr
    (url,) = re.findall(r"http://127\.0\.0\.1:\d+", done.stdout)
    return str(url)
