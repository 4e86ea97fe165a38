"""The journal: what is written comes back, and whatever is wrong with a file is named with its line."""

import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.errors import LabError
from scenarios.journal import JournalReader, JournalWriter, header
from tests.scenarios.feeds import START, Event, act_end, incident, record, request

HEAD = header(
    session_lab="0.1.0",
    python="3.11.2",
    platform="linux",
    seed=7,
    settings={"servers": 10, "pace": "fast"},
    started=START,
)


def write(path: Path, events: list[Event]) -> Path:
    with JournalWriter(str(path), HEAD) as journal:
        for event in events:
            journal.write(event)
    return path


def read(path: Path) -> list[Event]:
    return list(JournalReader(str(path)))


def complaint(path: Path) -> str:
    with pytest.raises(LabError) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    path = write(tmp_path / "run.journal", incident())
    reader = JournalReader(str(path))
    assert reader.header == {
        "journal": 1, "session_lab": "0.1.0", "python": "3.11.2", "platform": "linux", "seed": 7,
        "settings": {"servers": 10, "pace": "fast"}, "started": START,
    }  # fmt: skip
    assert list(reader) == incident()


def test_it_is_json_lines_with_the_header_first_and_the_end_last(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in write(tmp_path / "j", [request(1), request(2)]).read_bytes().splitlines()]
    assert lines == [HEAD, request(1), request(2), {"kind": "end", "events": 2}]


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, text: str, user: str) -> None:
    event = {"kind": "ticket", "time": START, "text": text, "user": user}
    assert read(write(tmp_path_factory.mktemp("j") / "j", [event])) == [event]


def test_events_reach_the_disk_in_batches_of_half_a_second(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = JournalWriter(str(path), HEAD)

    def lines() -> int:
        return len(path.read_bytes().splitlines())

    assert lines() == 1  # the header is there at once
    journal.write(request(0))
    assert lines() == 2  # the first event opens the first half second
    for event in (request(0.1), request(0.2), request(0.4)):
        journal.write(event)
    assert lines() == 2
    journal.write(request(0.6))
    assert lines() == 6
    journal.write(request(0.7))
    journal.close()
    assert lines() == 8
    journal.close()  # twice is fine


def test_the_cut_of_a_journal_at_any_byte_is_named(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole", [request(1), request(2)]).read_bytes()
    path = tmp_path / "cut"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        line = max(1, whole[:length].count(b"\n") + (0 if length and whole[length - 1] == 10 else 1))
        assert f"{path}, line {line}: " in complaint(path), length


def test_everything_before_a_cut_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "j", [request(second) for second in range(5)])
    path.write_bytes(path.read_bytes()[:-60])
    events = iter(JournalReader(str(path)))
    assert [next(events) for _ in range(4)] == [request(second) for second in range(4)]
    with pytest.raises(LabError, match=r"line 6: cut off in the middle, lines 1 to 5 are whole"):
        next(events)


BAD_FILES = [
    (b"", 1, "the file is empty"),
    (b"hello\n", 1, "this is no journal"),
    (b"\x89PNG\r\n\x1a\n\0\0\0", 1, "this is no journal"),
    (b"[1, 2]\n", 1, "this is no journal"),
    (b'{"kind": "request"}\n', 1, "this is no journal"),
    (b"[" * 100_000, 1, "this is no journal"),
    (b"x" * (3 << 20), 1, "this is no journal"),
    (
        b'{"journal":2,"session_lab":"9.9"}\n',
        1,
        "journal version 2, written by Session Lab 9.9; this one reads version 1",
    ),
    (b'{"journal":1}\nwhat\n', 2, "not a JSON object"),
    (b'{"journal":1}\n\n', 2, "not a JSON object"),
    (b'{"journal":1}\n\xff\xfe\n', 2, "not a JSON object"),
    (b'{"journal":1}\n{"kind":"ticket","time":NaN,"text":"x"}\n', 2, "not a JSON object"),
    (b'{"journal":1}\n{"a":1}\n', 2, 'no "kind"'),
    (b'{"journal":1}\n{"kind":"request"}\n', 2, '"time" of the request event is missing'),
    (b'{"journal":1}\n{"kind":"mark","time":"now","what":"x"}\n', 2, '"time" of the mark event'),
    (b'{"journal":1}\n{"kind":"dropped","count":true}\n', 2, '"count" of the dropped event'),
    (b'{"journal":1}\n{"kind":"servers","time":1,"servers":[1]}\n', 2, '"servers" holds more than names'),
    (b'{"journal":1}\n{"kind":"act_end","time":1,"act":{}}\n', 2, '"name" of the act'),
    (b'{"journal":1}\n{"kind":"end","events":1}\n', 2, "the last line speaks of 1 events, and 0 are here"),
    (b'{"journal":1}\n{"kind":"end","events":0}\n{}\n', 3, "the journal ended on the line before"),
    (b'{"journal":1}\n{"kind":"comet"}\n', 2, "the journal stops here without its last line"),
    (b'{"journal":1}\n' + b'"' + b"x" * (2 << 20), 2, "longer than 1048576 bytes"),
]


@pytest.mark.parametrize(("data", "line", "what"), BAD_FILES)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, data: bytes, line: int, what: str) -> None:
    path = tmp_path / "bad"
    path.write_bytes(data)
    assert f"{path}, line {line}: {what}" in complaint(path)


def test_an_act_record_with_a_bad_interval_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "j", [act_end(1, record("x", ci95=[0.1]))])
    assert '"ci95" of the act is no pair of numbers' in complaint(path)


def test_no_file_and_a_folder_say_so(tmp_path: Path) -> None:
    assert "No such file or directory; name a file written by" in complaint(tmp_path / "nowhere")
    assert "Is a directory" in complaint(tmp_path)


def test_reading_takes_constant_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "j", [request(second) for second in range(4000)])
    assert path.stat().st_size > 1_000_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in JournalReader(str(path))) == 4000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000


def test_a_foreign_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("# precious\n")
    with pytest.raises(LabError, match="is no journal, so it was left alone; name another file"):
        JournalWriter(str(path), HEAD)
    assert path.read_text() == "# precious\n"


def test_an_earlier_journal_and_an_empty_file_are_replaced(tmp_path: Path) -> None:
    path = write(tmp_path / "j", incident())
    assert read(write(path, [request(1)])) == [request(1)]
    path.write_bytes(b"")
    assert read(write(path, [request(2)])) == [request(2)]


@pytest.mark.parametrize("path", ["/nowhere/at/all.journal", "/"])
def test_a_place_nobody_may_write_is_one_clear_line(path: str) -> None:
    with pytest.raises(LabError, match=r"cannot write the journal .*; name a file in a folder you may write to"):
        JournalWriter(path, HEAD)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_shows_before_the_run() -> None:
    with pytest.raises(LabError, match=r"journal /dev/full ends after 0 events: No space left on device; make room"):
        JournalWriter("/dev/full", HEAD)


FILL = """
import json, resource, sys
from scenarios.errors import LabError
from scenarios.journal import JournalWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
journal = JournalWriter(sys.argv[1], {"journal": 1})
errors = []
for number in range(40):
    try:
        journal.write({"kind": "ticket", "time": float(number), "text": "x" * 300})
    except LabError as error:
        errors.append(str(error))
journal.close()
print(json.dumps([errors, journal.events, journal.lost]))
"""


def test_no_room_in_the_middle_of_a_run_loses_only_what_does_not_fit(tmp_path: Path) -> None:
    """The kernel's own file size limit stands for the full disk: the write is cut in the middle of a line."""
    path = tmp_path / "j"
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(path)], capture_output=True, text=True, timeout=30, check=True
    )
    errors, events, lost = json.loads(done.stdout)
    assert len(errors) == 1  # said once; the run goes on
    assert f"the journal {path} ends after {events} events: File too large; make room" in errors[0]
    assert events + lost == 40
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == events + 1
    assert all(line.endswith(b"\n") and json.loads(line) for line in lines)
    assert "the journal stops here without its last line" in complaint(path)


def test_no_room_for_the_first_line_leaves_no_file(tmp_path: Path) -> None:
    script = FILL.replace("5000, 5000", "5, 5").replace("json.dumps", "print")
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "j")], capture_output=True, text=True, timeout=30
    )
    assert "LabError: the journal" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "j").exists()


def test_the_writer_refuses_what_is_no_json(tmp_path: Path) -> None:
    journal: Any = JournalWriter(str(tmp_path / "j"), HEAD)
    with pytest.raises(ValueError, match="not JSON compliant"):
        journal.write({"kind": "ticket", "time": 1.0, "text": float("nan")})
    journal.close()
    assert read(tmp_path / "j") == []
