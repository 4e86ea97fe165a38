"""However a command ends, it says little, leaves nothing behind and gives the terminal back."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scenarios import cli
from tests.cli.processes import LAB, left

SHORT = """
async def play(lab):
    async with lab.act("short", "One server, and one logbook for it.", law=0.0) as act:
        await act.shop(20)
"""


@pytest.mark.parametrize("words", ["scenarios", "run short.py --no-journal", "up --board lines"])
def test_a_reader_who_goes_away_is_no_error(environ: dict[str, str], tmp_path: Path, words: str) -> None:
    (tmp_path / "short.py").write_text(SHORT)
    command = f"{' '.join(LAB)} {words}; echo $? >&2"
    process = subprocess.Popen(
        ["sh", "-c", command], env=environ, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == f"{cli.PIPE_CLOSED}\n"
    process.wait()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full, a disk that is always full")
def test_a_report_that_cannot_be_written_is_not_the_scenarios_fault(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "short.py").write_text(SHORT)
    with open("/dev/full", "w") as full:
        words = [*LAB, "run", "short.py", "--no-journal"]
        done = subprocess.run(words, env=environ, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True)
    told = "lab: the report cannot be written (No space left on device): send it elsewhere\n"
    assert (done.returncode, done.stderr) == (2, told)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_lab_in_front_ends_in_order(environ: dict[str, str], stop: signal.Signals) -> None:
    process = subprocess.Popen(
        [*LAB, "up", "--servers", "2", "--users", "4"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert b"The shop is open" in process.stdout.readline()
    assert process.stdout.readline(), "the board in lines follows"
    process.send_signal(stop)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (128 + stop, b"")
    assert left(Path(environ["XDG_RUNTIME_DIR"])) == []


def test_the_board_of_a_lab_in_front_gives_the_terminal_back(environ: dict[str, str]) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [*LAB, "up", "--servers", "2", "--users", "4"], environ)
    shown = read_until(terminal, b"server-2")
    assert b"\x1b[?1049h" in shown
    os.write(terminal, b"\x03")  # Ctrl-C as the keyboard sends it
    shown += read_until(terminal, b"\x1b[?1049l")
    while select.select([terminal], [], [], 20)[0]:
        try:
            os.read(terminal, 65536)
        except OSError:
            break
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    os.close(terminal)


def read_until(terminal: int, mark: bytes) -> bytes:
    shown = b""
    while mark not in shown:
        assert select.select([terminal], [], [], 20)[0], shown
        shown += os.read(terminal, 65536)
    return shown


LONG = """
async def play(lab):
    async with lab.act("first", "Ends.", law=0.0) as act:
        await act.shop(50)
    async with lab.act("second", "Does not.", law=0.0) as act:
        await act.shop(1_000_000)
"""


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_an_act_that_was_cut_off_is_named_and_those_before_are_shown(
    environ: dict[str, str], tmp_path: Path, more: tuple[str, ...]
) -> None:
    (tmp_path / "long.py").write_text(LONG)
    words = ["run", "long.py", "--journal", "run.jsonl", *more]
    with subprocess.Popen(
        [*LAB, *words], env=environ, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        journal = tmp_path / "run.jsonl"
        while not (journal.exists() and '"name":"second"' in journal.read_text()):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == "lab: act second was cut off: it has no verdict, nor has the run\n"
    assert ("first" in shown) is not bool(more)
    assert "second" not in shown


BEGUN = "import sys; from scenarios.__main__ import main; print('begun', flush=True); sys.exit(main())"


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.4, 2.0, 3.0, 5.0, 8.0])
def test_ctrl_c_at_any_moment_of_a_run_leaves_nothing(environ: dict[str, str], moment: float) -> None:
    """Moments are seconds after the interpreter has started; before that nothing of ours runs."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", BEGUN, "run", "keeps-logging-out"],
        env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=moment)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert re.fullmatch(r"(lab: act [a-z-]+ was cut off: it has no verdict, nor has the run\n)?", said)
    assert left(Path(environ["XDG_RUNTIME_DIR"])) == []
