"""`lab report` of real runs and of what is none."""

import sys
from pathlib import Path

import pytest

from tests.cli.processes import Lab

SCRIPT = """
from scenarios import theory
async def play(lab):
    await lab.arrange(servers=3)
    async with lab.act("growth", "One logbook for each server.", theory.keep_law(3)) as act:
        await act.shop(300)
"""
NO_MATPLOTLIB = """
import sys
sys.modules["matplotlib"] = None
from scenarios.__main__ import main
sys.exit(main())
"""


def test_the_last_run_becomes_a_page(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "growth.py").write_text(SCRIPT)
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    none = lab("report", **state)
    assert (none.returncode, none.stdout) == (2, "")
    assert none.stderr.startswith("lab: no run is kept yet: make one")
    done = lab("run", "growth.py", **state)
    assert done.returncode == 0, done.stderr
    (kept,) = (tmp_path / "state" / "session-lab" / "runs").iterdir()
    made = lab("report", **state)
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout == f"Wrote report.html from {kept.name}\n"
    page = (tmp_path / "report.html").read_text()
    assert len(page) < 1_000_000
    assert '<a href="#act-1">1 growth</a>' in page
    assert lab("report", str(kept), "-o", "-").stdout == page


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        (b"", "the file is empty"),
        (b"hello\n", "this is no journal"),
        (b'{"journal":9,"session_lab":"9.9"}\n', "journal version 9, written by Session Lab 9.9"),
        (b'{"journal":1}\n{"kind":"end","events":0}\n', "holds no request"),
    ],
)
def test_what_is_no_journal_is_one_line_and_no_page(lab: Lab, tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "j").write_bytes(content)
    done = lab("report", "j")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "report.html").exists()


def test_without_matplotlib_it_says_how_to_get_it(environ: dict[str, str], tmp_path: Path) -> None:
    import subprocess

    (tmp_path / "j").write_text("{}")
    done = subprocess.run(
        [sys.executable, "-P", "-c", NO_MATPLOTLIB, "report", "j"],
        env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "lab: a report needs matplotlib: pip install 'session-lab[reports]'\n"
