"""What people type, and what they are told: help, mistakes, completion."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scenarios import cli
from scenarios.commands import arguments
from tests.cli.processes import HERE, LAB, Lab

HEAVY = ("aiohttp", "asyncio", "redis", "rich", "uvloop")


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
                assert known.issuperset(re.findall(r"--[a-z0-9-]+", line)), line


@pytest.mark.parametrize("words", [("--help",), ("scenarios",), *((name, "--help") for name in cli.COMMANDS)])
def test_what_is_read_before_the_first_lab_keeps_to_80_columns(lab: Lab, words: tuple[str, ...]) -> None:
    said = lab(*words, LAB="./lab", COLUMNS="80").stdout
    assert said
    assert [line for line in said.splitlines() if len(line) > 80] == []


def test_hints_name_the_program_as_it_was_called(lab: Lab) -> None:
    assert "(start one with: ./lab up)" in lab("status", LAB="./lab").stderr
    assert "names for `./lab run NAME`" in lab("scenarios", "--help", LAB="./lab").stdout
    assert "as `./lab status` shows it" in lab("kill", "--help", LAB="./lab").stdout


def test_help_shows_how_the_launcher_was_called(lab: Lab) -> None:
    assert lab("scale", "--help", LAB="./lab").stdout.startswith("usage: ./lab scale")


def test_version(lab: Lab) -> None:
    from scenarios import __version__

    assert lab("--version").stdout == f"session-lab {__version__}\n"


def test_limits_told_in_the_help_are_those_in_force() -> None:
    from scenarios.cluster.processes import MOST_SERVERS
    from scenarios.shop import MEMBERS

    assert arguments.MOST_SERVERS == MOST_SERVERS
    assert len(MEMBERS) == arguments.MOST_USERS


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
        ("up --board nope", "no board is called 'nope'; choose one of: "),
        ("load --shape nope", "no shape is called 'nope'; choose one of: startup, "),
        ("run five-servers --pace slow", "no pace is called 'slow'; choose one of: fast, watch, step"),
        ("completion tcsh", "no shell is called 'tcsh'; choose one of: bash, zsh, fish"),
        ("up --users 61", "'61' is no number of users; choose 0 to 60"),
        ("up --port 70000", "'70000' is no port; choose 0 to 65535"),
        ("up --port 1 --name Nr1", "'Nr1' is no name for a lab"),
        ("run keeps-loging-out", "did you mean keeps-logging-out?"),
        ("run nowhere.py", "nowhere.py: no such file"),
        ("run five-servers --servers 7", "five-servers says its own number of servers (it never reads lab.servers)"),
        ("run five-servers --limit 0", "'0' is no number above 0"),
        ("run", "the following arguments are required: NAME|FILE.py"),
        ("switch", "say what to switch"),
        ("switch --migrate --policy random", "say which with --store"),
        ("status", "no lab named 'lab' is running (start one with: lab up)"),
        ("down --name second", "no lab named 'second' is running"),
        ("play five-servers", "no lab named 'lab' is running"),
        ("users 61", "'61' is no number of users; choose 0 to 60"),
        ("users 5", "no lab named 'lab' is running"),
        ("kill 1", "no lab named 'lab' is running"),
        ("partition 1", "no lab named 'lab' is running"),
        ("reconnect 1", "no lab named 'lab' is running"),
        ("slow 1 --delay 200ms", "no lab named 'lab' is running"),
        ("slow 1", "the following arguments are required: --delay"),
        ("slow 1 --delay 0", "'0' is no time; write seconds, or 200ms, 90s, 5m, 1h30m"),
        ("slow 1 --delay 0ms", "'0ms' is no time"),
        ("slow 1 --delay -200ms", "expected one argument"),
        ("slow 1 --delay soon", "'soon' is no time"),
        ("slow 1 --delay 2m", "a delay of 120 s: choose 1 ms to 60 s"),
        ("slow 1 --delay inf", "a delay of inf s: choose 1 ms to 60 s"),
        ("slow 1 --delay 200ms --jitter 300ms", "a jitter of 300 ms: choose 0 to the delay, 200 ms"),
        ("slow 1 --delay 200ms --rate 0", "'0' is no number of kB a second; choose 1 to 1000000"),
        ("watch", "no lab named 'lab' is running"),
        ("watch --user nobody", "no member is called 'nobody'; choose ravi, or user01 to user59"),
        ("watch --user user1", "no member is called 'user1'; choose ravi, or user01 to user59"),
        ("trace --user ravj", "no member is called 'ravj'; did you mean ravi?"),
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
    ("line", "offered"),
    [
        ("lab sw", {"switch"}),
        ("lab par", {"partition"}),
        ("lab slow 3 --de", {"--delay"}),
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
