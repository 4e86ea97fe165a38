"""Settings: a file has the options' words, options go before it, and every problem is told with its place."""

import os
import socket
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from balancer.settings.config import KINDS, WORDS, BalancerConfig, word
from balancer.settings.options import OPTIONS, Asked, parse, summary
from balancer.settings.problems import ConfigError


def told(capsys: pytest.CaptureFixture[str], *argv: str) -> list[str]:
    """The lines in which a command line is refused."""
    with pytest.raises(SystemExit) as end:
        parse(list(argv))
    assert end.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err.splitlines()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "balancer.toml"


def test_a_file_says_what_options_say(file: Path) -> None:
    file.write_text(
        'listen = "127.0.0.1:81"\nbackend = ["a=127.0.0.1:1", "127.0.0.1:2*3"]\nhealth-interval = 3\n'
        "idle-timeout = 0.5\nfall = 7\nseed = 0\nstrip-session-headers = true\n"
    )
    options = (
        "--listen 127.0.0.1:81 --backend a=127.0.0.1:1 --backend 127.0.0.1:2*3 --health-interval 3 "
        "--idle-timeout 0.5 --fall 7 --seed 0 --strip-session-headers"
    )
    from_file = parse(["--config", str(file)]).config
    assert from_file == parse(options.split()).config
    assert (from_file.address, from_file.health_interval, from_file.seed) == (("127.0.0.1", 81), 3, 0)
    assert from_file.strip_session_headers


def test_options_go_before_the_file(file: Path) -> None:
    file.write_text(
        'policy = "random"\nbackend = ["127.0.0.1:1", "127.0.0.1:2"]\nfall = 7\nstrip-session-headers = true\n'
    )
    config = parse(
        ["--config", str(file), "--backend", "127.0.0.1:3", "--fall", "2", "--no-strip-session-headers"]
    ).config
    assert config.backends == ["127.0.0.1:3"]
    assert (config.policy, config.fall, config.strip_session_headers) == ("random", 2, False)


def test_nothing_said_is_the_default() -> None:
    assert parse([]) == Asked(BalancerConfig(), False)


def test_every_field_is_an_option_and_a_word_of_the_file(file: Path) -> None:
    assert list(OPTIONS.keys() ^ {field.name for field in fields(BalancerConfig)}) == []
    samples = {bool: "true", int: "5", float: "5", str: '""', list: "[]"}
    for field, kind in KINDS.items():
        default = getattr(BalancerConfig, field)
        file.write_text(
            f"{word(field)} = {repr(default).replace(chr(39), chr(34)) if kind is str else samples[kind]}\n"
        )
        config = parse(["--config", str(file)]).config
        expected = {bool: True, int: 5, float: 5, str: default, list: []}[kind]
        assert getattr(config, field) == expected, field


# What is wrong, and where

LIST = 'a list of texts, such as ["...", "..."]'
SECONDS = "must be a number of seconds above 0 (a day at most)"
LINE = "a line is WORD = VALUE, texts in quotes"
WRONG = {
    "a misspelt word": ('polcy = "random"', ['1: no setting is called "polcy"; did you mean policy?']),
    "an underscore": (
        "health_interval = 1",
        ['1: no setting is called "health_interval"; did you mean health-interval?'],
    ),
    "a word unlike any": ("xyzzy = 1", ['1: no setting is called "xyzzy"; --help shows them all']),
    "a table": ("fall = 2\n\n[backend]\nfall = 0", [f"3: backend: needs {LIST}, not a table"]),
    "a table nobody knows": ("[server]\nfall = 0", ['1: no setting is called "server"; --help shows them all']),
    "quotes round a number": ('fall = "2"', ['1: fall: needs a whole number without quotes, not "2"']),
    "half a check": ("fall = 2.5", ["1: fall: needs a whole number without quotes, not 2.5"]),
    "true is no number": ("fall = true", ["1: fall: needs a whole number without quotes, not true"]),
    "true is no time either": ("idle-timeout = true", ["1: idle-timeout: needs a number without quotes, not true"]),
    "a date": ("listen = 2026-01-01", ["1: listen: needs a text in quotes, not a date or time"]),
    "one text for a list": (
        'backend = "127.0.0.1:1"', [f'1: backend: needs {LIST}, not "127.0.0.1:1"'],
    ),
    "a number in a list": (
        'backend = [\n"127.0.0.1:1",\n7]', [f"3: backend: needs {LIST}, without 7"],
    ),
    "no server": ('backend = ["127.0.0.1"]', ["1: backend: an address looks like 127.0.0.1:8001, not '127.0.0.1'"]),
    "no time at all": ("idle-timeout = 0", [f"1: idle-timeout: {SECONDS}, not 0"]),
    "for ever": ("idle-timeout = inf", [f"1: idle-timeout: {SECONDS}, not inf"]),
    "no number": ("idle-timeout = nan", [f"1: idle-timeout: {SECONDS}, not nan"]),
    "too long for a float": (
        f"idle-timeout = 0x{'f' * 5000}", [f"1: idle-timeout: {SECONDS}, not inf"],
    ),
    "no quotes": (
        "fall = 2\npolicy = random", [f"2: not TOML: Invalid value (column 10); {LINE}"],
    ),
    "twice": ("fall = 2\nrise = 1\nfall = 3", ["3: fall is there already; keep one of the two"]),
    "twice, in several lines": (
        'backend = []\n# backend = []\nbackend = [\n "x"\n]\nfall = 1',
        ["3: backend is there already; keep one of the two"],
    ),
    "never closed": (
        'fall = 2\nbackend = ["x"\n\n', [f"2: not TOML: Unclosed array (the end is reached); {LINE}"],
    ),
    "more digits than Python reads": (
        "fall = 1" + "0" * 5000,
        [": a number in it has thousands of digits; write a smaller one"],
    ),
    "a nest": ("fall = " + "[" * 5000, [": nested too deeply; a line is WORD = VALUE"]),
    "everything at once": (
        '# listen = "x"\nlisten = "x" # listen = "y"\nfall = 0\npolicy = """\nfall = 1"""\nbackend = [\n'
        '"a=127.0.0.1:1", # fall\n\n"a=127.0.0.1:2", "b"\n]\n"ri\\u0073e" = 0\nadmin = \'"\'\ncheck = true',
        [
            "2: listen: an address looks like 127.0.0.1:8001, not 'x'",
            "3: fall: must be at least 1, not 0",
            "4: policy: no policy is called 'fall = 1'; choose one of ",
            "9: backend: two backends are called a: give each its NAME=",
            "9: backend: an address looks like 127.0.0.1:8001, not 'b'",
            "11: rise: must be at least 1, not 0",
            "12: admin: an address looks like 127.0.0.1:8001, not '\"'",
            '13: no setting is called "check"; --help shows them all',
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG.keys())
def test_each_problem_is_told_with_its_line(
    text: str, said: list[str], ends: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(text.replace("\n", ends).encode())
    lines = told(capsys, "--config", str(file))
    assert len(lines) == len(said), lines
    for line, expected in zip(lines, said, strict=True):
        assert line.startswith(f"{file}{expected if expected[0] == ':' else ':' + expected}"), line


def test_a_mark_of_the_byte_order_is_no_word(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbffall = 3\n")
    assert parse(["--config", str(file)]).config.fall == 3


def test_problems_of_options_and_of_the_file_are_told_together(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text('fall = 0\nrise = 0\nbackend = ["x"]\n')
    assert told(capsys, "--config", str(file), "--rise", "-1", "--backend", "127.0.0.1:1", "--backend", "y") == [
        "python -m balancer: --rise: must be at least 1, not -1",
        "python -m balancer: --backend: an address looks like 127.0.0.1:8001, not 'y'",
        f"{file}:1: fall: must be at least 1, not 0",
    ]


def test_a_server_of_the_file_that_is_the_option_itself(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text('backend = [\n"127.0.0.1:80",\n"127.0.0.1:81"]\n')
    (line,) = told(capsys, "--config", str(file), "--listen", "127.0.0.1:81")
    assert line.startswith(f"{file}:3: backend: 127.0.0.1:81 is the balancer itself")


NUMBERS = [field for field, kind in KINDS.items() if kind in (int, float) and field != "seed"]


@pytest.mark.parametrize("field", NUMBERS)
def test_a_number_that_is_too_small_is_told_in_one_line(field: str, capsys: pytest.CaptureFixture[str]) -> None:
    may_be_zero = field in ("slow_start", "sticky_max_age")
    for number in ("-1",) if may_be_zero else ("-1", "0"):
        (line,) = told(capsys, f"--{word(field)}={number}")
        assert line.startswith(f"python -m balancer: --{word(field)}: must be ")
        assert line.endswith(f", not {number}")
        assert ("from 0" in line) is may_be_zero
    if may_be_zero:
        assert getattr(parse([f"--{word(field)}=0"]).config, field) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--sticky-max-age=-1", "--sticky-max-age: must be a number of seconds from 0 to 34560000 (400 days), not -1"),
        ("--max-connections=0", "--max-connections: must be at least 1, not 0"),
        ("--max-connections=0 --workers=4", "--max-connections: must be at least 4, one for each worker, not 0"),
        ("--max-connections=3 --workers=300", "--workers: at most 256, and no more than there are cores, not 300"),
    ],
)
def test_no_line_contradicts_another(options: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, *options.split()) == [f"python -m balancer: {said}"]


# Files that cannot be read


def test_files_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing, folder = tmp_path / "missing", tmp_path
    for path, why in (
        (missing, "No such file or directory"),
        (folder, "Is a directory"),
        ("a\0b", "embedded null byte"),
    ):
        assert told(capsys, "--config", str(path)) == [f"{path}: cannot be read: {why}; --config needs a TOML file"]
    assert told(capsys, "--config", "") == [": cannot be read: No such file or directory; --config needs a TOML file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.touch(mode=0)
    assert told(capsys, "--config", str(file)) == [
        f"{file}: cannot be read: Permission denied; --config needs a TOML file"
    ]


def test_other_codes_and_other_files(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(b"fall = 2\n# caf\xe9\n")
    assert told(capsys, "--config", str(file)) == [f"{file}:2: not UTF-8; save the file as UTF-8"]
    assert told(capsys, "--config", "/dev/zero") == [
        "/dev/zero: has more than 1048576 bytes; --config needs a file of settings"
    ]


# --check, and words on the command line


def test_an_option_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "--polcy=random") == [
        "python -m balancer: unrecognized arguments: --polcy=random; did you mean --policy?"
    ]


def test_words_that_go_with_another(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--header", "A: b"], ["--client", "::1"]):
        (line,) = told(capsys, *words)
        assert "--header and --client go with --explain" in line


def test_check_says_what_would_be_done(file: Path) -> None:
    file.write_text('backend = ["a=127.0.0.1:1", "127.0.0.1:2"]\npolicy = "ip_hash"\n')
    config, check, _ = parse(["--config", str(file), "--check"])
    assert check
    assert summary(config) == "ok: 127.0.0.1:8080 to 2 servers (a, 127.0.0.1:2), ip_hash"
    assert summary(BalancerConfig()) == "ok: 127.0.0.1:8080 to 0 servers, round_robin"


def test_files_that_are_named_are_tried(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = file.with_suffix(".pem")
    broken.write_text("nothing\n")
    file.write_text(
        f'access-log = "/nowhere/a"\nrise = 0\nlog-key-file = "{broken}"\ntls-certificate = "{broken}"\n'
        'backend-ca = "/nowhere/b\\n"\n'
    )
    expected = [
        f"{file}:1: access-log: /nowhere/a cannot be used: No such file or directory; name a file that can",
        f"{file}:2: rise: must be at least 1, not 0",
        f"{file}:3: log-key-file: {broken} needs 16 bytes at least for a key: make it with `openssl rand -hex 32`",
        f"{file}:4: tls-certificate: {broken} holds no certificate",
        f"{file}:5: backend-ca: '/nowhere/b\\n' cannot be used: No such file or directory; name a file that can",
    ]
    assert told(capsys, "--config", str(file), "--check") == expected
    assert told(capsys, "--config", str(file)) == expected


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--listen", "192.0.2.1:80", "cannot listen on 192.0.2.1:80: Cannot assign requested address; name an address"),
        ("--admin", "192.0.2.1:80", "cannot listen on 192.0.2.1:80: Cannot assign requested address; name an address"),
        ("--listen", "no-such-host.invalid:80", "cannot listen on no-such-host.invalid:80: no such host; name an"),
        ("--control", "/tmp/" + "x" * 120, "is too long for a Unix socket"),
        ("--control", "/tmp", "/tmp is there already and no socket"),
        ("--control", "/dev/null/x", "cannot use the folder /dev/null: Not a directory"),
    ],
)
def test_check_tries_addresses_and_paths(
    option: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = told(capsys, option, value, "--check")
    assert line.startswith(f"python -m balancer: {option}: ")
    assert said in line


@pytest.mark.parametrize("options", [(), ("--check",)])
@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("control", "'\\x00x' has a NUL in it, as no path can: choose another path"),
        ("access-log", "'\\x00x' cannot be used: embedded null byte; name a file that can"),
    ],
)
def test_a_path_with_a_nul(setting: str, said: str, options: tuple[str, ...], file: Path) -> None:
    """Only a file can hold one: no command line does."""
    file.write_text(f'{setting} = "\\u0000x"\nlisten = "127.0.0.1:0"\n')
    command = [sys.executable, "-m", "balancer", "--config", str(file), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{file}:1: {setting}: {said}\n")


def test_check_takes_nothing(tmp_path: Path) -> None:
    """A balancer with these settings may be running."""
    with socket.create_server(("127.0.0.1", 0)) as running, socket.socket(socket.AF_UNIX) as control:
        control.bind(str(tmp_path / "c"))
        port = running.getsockname()[1]
        for path in (tmp_path / "c", tmp_path / "new" / "c"):
            _, check, _ = parse(["--listen", f"127.0.0.1:{port}", "--control", str(path), "--check"])
            assert check
    assert [each.name for each in tmp_path.iterdir()] == ["c"]


def test_check_as_a_process(file: Path) -> None:
    def check() -> tuple[int, str, str]:
        command = [sys.executable, "-m", "balancer", "--check", "--config", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, done.stdout, done.stderr

    file.write_text('backend = ["127.0.0.1:1"]\n')
    assert check() == (0, "ok: 127.0.0.1:8080 to 1 server (127.0.0.1:1), round_robin\n", "")
    file.write_text("fall = 0\nrise = 0\n")
    assert check() == (2, "", f"{file}:1: fall: must be at least 1, not 0\n{file}:2: rise: must be at least 1, not 0\n")


def test_lists_have_their_singular() -> None:
    assert WORDS["backend"] == "backends"


@pytest.mark.parametrize("clients", [7, 8, 9, 10_000])
def test_the_workers_shares_of_clients_add_up(clients: int) -> None:
    config = BalancerConfig(max_connections=clients, workers=7)
    shares = [config.most_clients(worker) for worker in range(7)]
    assert sum(shares) == clients
    assert 1 <= min(shares) <= max(shares) <= min(shares) + 1
    with pytest.raises(ConfigError, match="--max-connections: must be at least 7, one for each worker, not 6"):
        BalancerConfig(max_connections=6, workers=7)
