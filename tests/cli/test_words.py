"""The command line as people use it: processes, their output, their exit codes, and what they leave behind."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scenarios import cli
from scenarios.commands import arguments

HERE = Path(__file__).resolve().parent.parent
LAB = [sys.executable, "-P", "-m", "scenarios"]
HEAVY = ("aiohttp", "asyncio", "redis", "rich", "uvloop")

Done = subprocess.CompletedProcess[str]
Lab = Callable[..., Done]


@pytest.fixture
def environ(short_folder: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A runtime folder of the test's own; at its end no lab and no process may be left in it."""
    runtime = short_folder / tmp_path.name[-24:]
    runtime.mkdir()
    yield {**os.environ, "PYTHONPATH": str(HERE), "XDG_RUNTIME_DIR": str(runtime), "TERM": "xterm", "COLUMNS": "100"}
    subprocess.run([*LAB, "down"], env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)}, capture_output=True)
    assert left(runtime) == []


def left(runtime: Path) -> list[str]:
    """Folders of labs, and processes started with this runtime folder, that are still there 5 s later."""
    deadline = time.monotonic() + 5
    while (found := folders(runtime) + processes(runtime)) and time.monotonic() < deadline:
        os.sched_yield()
    return found


def folders(runtime: Path) -> list[str]:
    return [str(path) for path in runtime.glob("session-lab/*")]


def processes(runtime: Path) -> list[str]:
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("XDG_RUNTIME_DIR") == str(runtime) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
        except psutil.Error:
            continue
    return found


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


def test_help_imports_nothing_heavy() -> None:
    for words in (["--help"], ["run", "--help"], ["up", "--help"], ["--version"]):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", *LAB[1:], *words], cwd=HERE, capture_output=True, text=True, check=True
        )
        imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        assert "scenarios.cli" in imported
        assert not imported.intersection(HEAVY), words


def test_the_help_lists_every_command_with_its_summary(lab: Lab) -> None:
    said = lab("--help").stdout
    for name, command in cli.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(command.summary)}$", said, re.MULTILINE)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([name, "--help"])
    assert end.value.code == 0
    examples = capsys.readouterr().out.split("examples:")[1]
    assert f"lab {name}" in examples


def test_the_examples_name_options_and_commands_that_exist() -> None:
    _, parsers, modules = cli.build(list(cli.COMMANDS))
    for name, module in modules.items():
        known = {option for action in parsers[name]._actions for option in action.option_strings}
        for line in module.EXAMPLES.splitlines():
            if "{lab}" in line and name != "test":
                assert known.issuperset(re.findall(r"--[a-z-]+", line)), line


def test_help_shows_how_the_launcher_was_called(lab: Lab) -> None:
    assert lab("scale", "--help", LAB="./lab").stdout.startswith("usage: ./lab scale")


def test_version(lab: Lab) -> None:
    from scenarios import __version__

    assert lab("--version").stdout == f"session-lab {__version__}\n"


def test_limits_told_in_the_help_are_those_in_force() -> None:
    from scenarios.cluster.processes import MOST_SERVERS
    from scenarios.crowd import MEMBERS

    assert arguments.MOST_SERVERS == MOST_SERVERS
    assert len(MEMBERS) == arguments.MOST_USERS


RAISES = "async def play(lab):\n    1 / 0\n"
ENDLESS = "import asyncio\nasync def play(lab):\n    await asyncio.Event().wait()\n"
FAILS = """
START = {"servers": 2}
async def play(lab):
    async with lab.act("wrong", "Says that nobody is logged out at two servers.", law=0.0) as act:
        await act.shop(200)
"""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("rnu", "no command is called 'rnu'; did you mean run?"),
        ("xyzzy", "choose one of: run, scenarios,"),
        ("up --servres 3", "no option is called '--servres'; did you mean --servers?"),
        ("up now", "'now' is one word too many"),
        ("up --servers 0", "'0' is no number of servers; choose 1 to 100"),
        ("run five-servers --servers 1000", "'1000' is no number of servers; choose 1 to 100"),
        ("scale many", "'many' is no number of servers"),
        ("up --store rdis", "no store is called 'rdis'; did you mean redis?"),
        ("switch --policy sticky-cookie", "no policy is called 'sticky-cookie'; did you mean sticky_cookie?"),
        ("up --on-unknown kep", "did you mean keep?"),
        ("up --users 61", "'61' is no number of users; choose 0 to 60"),
        ("up --port 70000", "'70000' is no port; choose 0 to 65535"),
        ("up --port 1 --name Nr1", "'Nr1' is no name for a lab"),
        ("run keeps-loging-out", "did you mean keeps-logging-out?"),
        ("run nowhere.py", "nowhere.py: no such file"),
        ("run five-servers --limit 0", "'0' is no number above 0"),
        ("run", "the following arguments are required: NAME|FILE.py"),
        ("switch", "say what to switch"),
        ("switch --migrate --policy random", "say which with --store"),
        ("status", "no lab named 'lab' is running (start one with: lab up)"),
        ("down --name second", "no lab named 'second' is running"),
        ("play five-servers", "no lab named 'lab' is running"),
        ("kill 1", "no lab named 'lab' is running"),
        ("watch", "no lab named 'lab' is running"),
        ("replay nothing.jsonl", "nothing.jsonl"),
        ("replay nothing.jsonl --speed 0", "'0' is no number above 0"),
        ("run five-servers --journal /dev/full", "/dev/full"),
        ("run five-servers --journal no/such/folder/run.jsonl", "no/such/folder/run.jsonl"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(lab: Lab, words: str, said: str) -> None:
    done = lab(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lab: ")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


def test_no_command_at_all_shows_the_help(lab: Lab) -> None:
    done = lab()
    assert (done.returncode, done.stdout) == (2, "")
    assert "commands:" in done.stderr


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (RAISES, "ZeroDivisionError: division by zero (line 2 of"),
        (ENDLESS, "did not end within 1 s"),
        ("def play(lab): pass", "has no `async def play(lab)`"),
        ("async def play(lab:", "SyntaxError"),
    ],
)
def test_a_script_that_cannot_be_played(lab: Lab, tmp_path: Path, script: str, said: str) -> None:
    (tmp_path / "mine.py").write_text(script)
    done = lab("run", "mine.py", "--limit", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_a_verdict_of_fail_is_exit_code_1(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FAILS)
    done = lab("run", "mine.py", "--json")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["verdict"] == "fail"


def test_a_run_its_record_its_journal_and_its_replay(lab: Lab, tmp_path: Path) -> None:
    done = lab("run", "five-servers", "--seed", "7", "--json", "--journal", "run.jsonl")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert {key: result[key] for key in ("scenario", "seed", "verdict")} == {
        "scenario": "five-servers",
        "seed": 7,
        "verdict": "pass",
    }
    for act in result["acts"]:
        assert act.keys() >= {
            "name", "servers", "store", "policy", "requests", "with_session", "logged_out", "logout_rate", "ci95",
            "theory_rate", "verdict",
        }  # fmt: skip
    head, *_, last = map(json.loads, (tmp_path / "run.jsonl").read_text().splitlines())
    assert (head["seed"], last["kind"]) == (7, "end")
    shown = lab("replay", "run.jsonl", "--speed", "inf")
    assert shown.returncode == 0, shown.stderr
    with_session = sum(act["with_session"] for act in result["acts"])
    logged_out = sum(act["logged_out"] for act in result["acts"])
    told = re.search(r"In all: .* ([\d,]+) with a wristband, ([\d,]+) logged out", shown.stdout)
    assert told, shown.stdout
    assert (int(told[1].replace(",", "")), int(told[2].replace(",", ""))) == (with_session, logged_out)


def test_a_report_in_a_pipe_has_no_control_codes(lab: Lab) -> None:
    done = lab("run", "five-servers")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "Verdict: pass" in done.stdout


def test_a_lab_is_started_changed_and_stopped(lab: Lab, up: str) -> None:
    def state() -> dict[str, object]:
        return dict(json.loads(lab("status", "--json").stdout))

    assert (state()["url"], state()["store"], state()["policy"]) == (up, "memory", "round_robin")
    assert "store: redis, 0 sessions carried over" in lab("switch", "--store", "redis", "--migrate").stdout
    assert lab("switch", "--policy", "sticky_cookie").stdout == "policy: sticky_cookie\n"
    assert (state()["store"], state()["policy"]) == ("redis", "sticky_cookie")
    assert lab("scale", "5").stdout == "5 servers: server-1, server-2, server-3, server-4, server-5\n"
    assert lab("kill", "2").stdout == "server-2: killed\n"
    assert re.search(r"^server-2 .* - +not running", lab("status").stdout, re.MULTILINE)
    assert lab("restart", "server-2").stdout == "server-2: restarted\n"
    assert lab("pause", "3").stdout == "server-3: paused\n"
    assert lab("resume", "3").stdout == "server-3: resumed\n"
    wrong = lab("kill", "sevrer-4")
    assert (wrong.returncode, wrong.stderr) == (2, "lab: no server is called 'sevrer-4'; did you mean server-4?\n")
    assert lab("down").stdout == "lab: stopped, nothing is left of it\n"
    assert lab("status").returncode == 2


def test_a_second_lab_of_the_same_name_and_one_beside_it(lab: Lab, up: str) -> None:
    again = lab("up", "--detach")
    assert again.returncode == 2
    assert again.stderr == "lab: a lab named 'lab' is running: end it (lab down --name lab) or use another --name\n"
    beside = lab("up", "--detach", "--name", "second")
    assert beside.returncode == 0, beside.stderr
    assert "status --name second" in beside.stdout
    assert json.loads(lab("status", "--json").stdout)["url"] == up
    assert lab("down", "--name", "second").returncode == 0


def test_a_port_that_is_taken(lab: Lab, up: str) -> None:
    port = up.rpartition(":")[2]
    for more in ((), ("--detach",)):
        done = lab("up", "--name", "second", "--port", port, *more)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"lab: port {port} on 127.0.0.1 is taken: choose another, or 0 for any free one\n"


def test_a_scenario_on_a_running_lab_whose_users_rest_meanwhile(lab: Lab) -> None:
    assert lab("up", "--servers", "5", "--users", "5", "--detach").returncode == 0
    done = lab("play", "five-servers", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    acts = json.loads(done.stdout)["acts"]
    assert all(check["passed"] for act in acts for check in act["checks"])
    before = json.loads(lab("status", "--json").stdout)["requests"]
    deadline = time.monotonic() + 10
    while json.loads(lab("status", "--json").stdout)["requests"] == before:
        assert time.monotonic() < deadline, "the users should be back at work"


def test_a_lab_that_was_killed_leaves_its_name_free(lab: Lab, up: str, environ: dict[str, str]) -> None:
    (note,) = Path(environ["XDG_RUNTIME_DIR"]).glob("session-lab/lab/lab.json")
    os.kill(json.loads(note.read_text())["pid"], signal.SIGKILL)
    assert lab("up", "--detach").returncode == 0


def test_a_reader_who_goes_away_is_no_error(environ: dict[str, str]) -> None:
    command = f"{' '.join(LAB)} scenarios; echo $? >&2"
    process = subprocess.Popen(
        ["sh", "-c", command], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == f"{cli.PIPE_CLOSED}\n"
    process.wait()


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
    assert (process.returncode, said) == (130, "")
    assert left(Path(environ["XDG_RUNTIME_DIR"])) == []


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("lab sw", {"switch"}),
        ("lab run ke", {"keeps-logging-out"}),
        ("lab switch --store re", {"redis"}),
        ("lab up --policy ", {"round_robin", "random", "sticky_cookie"}),
        ("lab up --det", {"--detach"}),
    ],
)
def test_the_shell_completes(environ: dict[str, str], tmp_path: Path, line: str, offered: set[str]) -> None:
    """As argcomplete's bash function asks: the line in the environment, the answer on descriptor 8."""
    asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(LAB)} 8>&1 9>/dev/null >/dev/null"],
        env={**environ, **asked}, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    words = {word.strip() for word in done.stdout.split("\n")}
    assert words >= offered, done


def test_completion_prints_what_bash_can_evaluate(lab: Lab, environ: dict[str, str]) -> None:
    script = lab("completion", "bash").stdout
    done = subprocess.run(["bash", "-c", script + "\ncomplete -p lab"], capture_output=True, text=True, env=environ)
    assert done.stdout.strip().endswith(" lab"), done.stderr


def test_lab_test_passes_on_what_pytest_understands(lab: Lab) -> None:
    chosen = ("tests/test_project.py", "-k", "against_the_design", "--collect-only", "-q", "-n0")
    assert "no tests collected" in lab("test", *chosen).stdout, "the slow ones are left out"
    assert lab("test", "--all", *chosen).stdout.count("::") == 4
