"""Where runs are kept when nobody names a file, for how long, and that no record can stop a run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scenarios.errors import LabError
from scenarios.journal import JournalReader
from scenarios.recording import is_being_written, journal_in, journal_kept, make_room, newest_run, runs_folder
from scenarios.stage import Settings
from tests.scenarios.feeds import request

HERE = Path(__file__).resolve().parents[2]


def state_in(folder: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(folder), "HOME": "/nowhere"}


def runs(environ: dict[str, str]) -> list[str]:
    return sorted(path.name for path in runs_folder(environ).iterdir())


def test_a_run_is_kept_under_its_date_scenario_and_seed(tmp_path: Path) -> None:
    environ = state_in(tmp_path)
    journal = journal_kept(Settings(seed=7), "some where/my play.py", environ)
    assert journal is not None
    journal.write(request(1))
    journal.close()
    assert journal.whole
    (path,) = runs_folder(environ).iterdir()
    assert path == journal.place == newest_run(environ)
    date, time, *rest = path.name.split("-")
    assert (len(date), len(time), "-".join(rest)) == (8, 6, "my-play-seed7.jsonl")
    assert (path.parent.stat().st_mode & 0o777) == 0o700
    reader = JournalReader(str(path))
    assert (reader.header["seed"], reader.header["settings"]["scenario"]) == (7, "some where/my play.py")
    assert list(reader) == [request(1)]


def test_runs_of_the_same_second_do_not_replace_each_other(tmp_path: Path) -> None:
    environ = state_in(tmp_path)
    for _ in range(3):
        journal = journal_kept(Settings(), "x", environ)
        assert journal is not None
        journal.write(request(1))
        journal.close()
    assert len(runs(environ)) == 3


def test_a_run_that_never_began_leaves_nothing(tmp_path: Path) -> None:
    journal = journal_kept(Settings(), "x", state_in(tmp_path))
    assert journal is not None
    journal.close()
    assert not journal.whole
    assert runs(state_in(tmp_path)) == []
    with pytest.raises(LabError, match="no run is kept yet"):
        newest_run(state_in(tmp_path))


def test_a_file_that_was_named_stays_even_when_empty(tmp_path: Path) -> None:
    journal = journal_in(tmp_path / "mine.jsonl", Settings(), "x")
    journal.close()
    assert (tmp_path / "mine.jsonl").exists()


def kept(folder: Path, count: int, size: int = 100) -> list[Path]:
    """Files from the oldest to the newest."""
    paths = [folder / f"{number:02d}.jsonl" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(b"x" * size)
        os.utime(path, (number, number))
    return paths


def test_the_oldest_runs_make_room(tmp_path: Path) -> None:
    paths = kept(tmp_path, 6)
    (tmp_path / "notes.txt").write_text("not a run")
    make_room(tmp_path, runs=4)
    assert sorted(tmp_path.glob("*.jsonl")) == paths[2:]
    make_room(tmp_path, size=250)
    assert sorted(tmp_path.glob("*.jsonl")) == paths[4:]
    make_room(tmp_path, runs=1, size=1)
    assert sorted(tmp_path.glob("*.jsonl")) == paths[5:], "the newest stays, however long it is"
    assert (tmp_path / "notes.txt").exists()


def test_a_run_that_is_still_written_stays(tmp_path: Path) -> None:
    environ = state_in(tmp_path)
    journal = journal_kept(Settings(), "slow", environ)
    assert journal is not None
    journal.write(request(1))
    os.utime(journal.place, (1, 1))  # the oldest of all
    kept(journal.place.parent, 3)
    assert is_being_written(journal.place)
    make_room(journal.place.parent, runs=2)
    assert journal.place.exists()
    journal.close()
    assert not is_being_written(journal.place)


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"XDG_STATE_HOME": "/state", "HOME": "/home"}, "/state/session-lab/runs"),
        ({"XDG_STATE_HOME": "state", "HOME": "/home"}, "/home/.local/state/session-lab/runs"),
        ({"XDG_STATE_HOME": "", "HOME": "/home"}, "/home/.local/state/session-lab/runs"),
    ],
)
def test_the_folder_of_runs(environ: dict[str, str], folder: str) -> None:
    assert str(runs_folder(environ)) == folder


@pytest.mark.parametrize("what", ["a file in the way", "a place that takes no files"])
def test_no_place_for_a_run_is_one_line_and_no_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    if what == "a file in the way":
        (tmp_path / "session-lab").write_text("")
        environ = state_in(tmp_path)
    else:
        environ = state_in(Path("/proc"))
    assert journal_kept(Settings(), "x", environ) is None
    said = capsys.readouterr().err
    assert said.startswith("lab: this run is not recorded: ")
    assert "name a file: --journal FILE" in said
    assert said.count("\n") == 1


def test_an_event_that_is_no_json_is_left_out_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = journal_in(tmp_path / "j", Settings(), "x")
    for event in ({"kind": "mark", "time": 1.0, "what": "mine", "figure": float("nan")}, request(2)):
        journal.write(event)
    journal.close()
    assert list(JournalReader(str(tmp_path / "j"))) == [request(2)]
    assert "lacks an event" in capsys.readouterr().err


FILL = """
import resource
from pathlib import Path
from scenarios.recording import journal_kept
from scenarios.stage import Settings
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
journal = journal_kept(Settings(), "x")
for number in range(40):
    journal.write({"kind": "ticket", "time": float(number), "text": "x" * 300})
journal.close()
print(journal.whole)
"""


def test_a_disk_that_fills_up_is_one_line_after_the_run(tmp_path: Path) -> None:
    """The kernel's own file size limit stands for the full disk."""
    environ = {**os.environ, **state_in(tmp_path), "PYTHONPATH": str(HERE)}
    done = subprocess.run([sys.executable, "-c", FILL], env=environ, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, "False\n")
    assert done.stderr.count("\n") == 1
    assert "File too large; make room" in done.stderr
