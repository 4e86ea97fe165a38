"""The file behind the access log: in order, opened anew without a loss, and never waited for."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from balancer.telling import log_file
from balancer.telling.log_file import LogFile, check_log
from tests.balancer.rig import PATIENCE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def test_lines_are_added_in_order_to_what_is_there(path: Path) -> None:
    path.write_text("before\n")
    log = LogFile(str(path))
    for n in range(100):
        log.add(f"{n}\n".encode() * 2)
    log.close()
    assert path.read_text() == "before\n" + "".join(f"{n}\n{n}\n" for n in range(100))
    assert log.dropped == 0


def test_opened_anew_between_two_lines(path: Path) -> None:
    log = LogFile(str(path))
    log.add(b"old\n" * 50)
    path.rename(path.with_suffix(".1"))
    log.reopen()
    log.add(b"new\n")
    log.close()
    assert (path.with_suffix(".1").read_text(), path.read_text()) == ("old\n" * 50, "new\n")
    assert path.stat().st_mode & 0o007 == 0, "addresses of clients are nobody else's business"


def test_where_no_new_file_can_be_the_old_one_goes_on(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = path.parent / "logs"
    folder.mkdir()
    log = LogFile(str(folder / "a"))
    folder.rename(path.parent / "moved")
    log.reopen()
    log.add(b"still\n")
    log.close()
    assert (path.parent / "moved" / "a").read_text() == "still\n"
    assert "cannot be opened anew: No such file or directory; lines still go to the old file" in capfd.readouterr().err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full, a disk that is always full")
def test_a_full_disk_costs_lines_and_is_told_once(capfd: pytest.CaptureFixture[str]) -> None:
    log = LogFile("/dev/full")
    for _ in range(5):
        log.add(b"one\ntwo\n")
    log.close()
    assert log.dropped == 10
    assert capfd.readouterr().err.splitlines() == [
        "balancer: access log /dev/full: No space left on device; lines are dropped while this lasts "
        "(`log_dropped` in the state counts them)",
        "balancer: access log /dev/full: 10 lines were dropped",
    ]


class Narrow:
    """`os.write` for a disk with so many bytes left."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, fd: int, data: bytes) -> int:
        count = min(self.left, len(data))
        if not count:
            raise OSError(28, "No space left on device")
        self.left -= count
        return os.writev(fd, [data[:count]])


def test_half_a_line_does_not_spoil_the_next(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Narrow(6)
    monkeypatch.setattr(log_file.os, "write", disk)
    log = LogFile(str(path))
    log.add(b"one\ntwo\nthree\n")
    log.add(b"four\n")
    written = threading.Event()
    monkeypatch.setattr(log, "_open_anew", written.set)
    log.reopen()
    assert written.wait(PATIENCE)
    disk.left = 100
    log.add(b"five\n")
    log.close()
    assert path.read_text() == "one\ntw\nfive\n"
    assert log.dropped == 3


@pytest.fixture
def pipe(path: Path) -> Iterator[tuple[Path, int]]:
    """A pipe whose reader has opened it, and reads nothing."""
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield path, reader
    os.close(reader)


def test_who_reads_nothing_is_not_waited_for(
    pipe: tuple[Path, int], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path, reader = pipe
    monkeypatch.setattr(log_file, "MOST_WAITING", 300_000)
    log = LogFile(str(path))
    for _ in range(5):
        log.add(b"x" * 99_999 + b"\n")
    assert log.dropped == 2
    os.set_blocking(reader, True)
    got = b""
    while got.count(b"\n") < 3:
        got += os.read(reader, 65536)
    log.close()
    assert len(got) == 300_000
    assert "it takes lines too slowly; lines are dropped" in capfd.readouterr().err


def test_several_may_write_to_one_pipe_and_cut_no_line_in_two(pipe: tuple[Path, int]) -> None:
    """Workers do, whose stdout is their parent's; its reader is slow."""
    path, reader = pipe
    logs = [LogFile(str(path)) for _ in range(2)]
    for log, letter in zip(logs, b"ab", strict=True):
        for _ in range(20):
            log.add((bytes([letter]) * 149 + b"\n") * 256)
    os.set_blocking(reader, True)
    got = b""
    while got.count(b"\n") < 2 * 20 * 256:
        got += os.read(reader, 1000)
    for log in logs:
        log.close()
    assert set(got.splitlines()) == {b"a" * 149, b"b" * 149}


def test_at_the_end_patience_ends(
    pipe: tuple[Path, int], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log_file, "PATIENCE", 0.05)
    log = LogFile(str(pipe[0]))
    log.add(b"x" * 199_999 + b"\n")
    log.close()
    assert "1 lines were dropped" in capfd.readouterr().err
    os.set_blocking(pipe[1], True)
    while os.read(pipe[1], 65536)[-1:] != b"\n":
        pass
    log.close()


def test_a_pipe_without_a_reader_and_folders_that_are_not_there(path: Path) -> None:
    os.mkfifo(path)
    for attempt in (LogFile, check_log):
        with pytest.raises(OSError, match="No such device or address"):
            attempt(str(path))
        with pytest.raises(FileNotFoundError):
            attempt(str(path.parent / "nowhere" / "access.log"))
        with pytest.raises(IsADirectoryError):
            attempt(str(path.parent))


def test_a_check_makes_no_file(path: Path) -> None:
    check_log(str(path))
    check_log("-")
    assert not path.exists()
