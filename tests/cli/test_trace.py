"""`lab trace`, on clusters of its own and on a running lab."""

import re
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.cli.processes import LAB, Lab


def steps(drawn: str) -> list[int]:
    return [int(number) for number in re.findall(r"^ (\d) ", drawn, re.MULTILINE)]


def test_the_eight_steps_of_a_login(lab: Lab, tmp_path: Path) -> None:
    done = lab("trace", "login", "--svg", "login.svg")
    assert (done.returncode, done.stderr) == (0, "")
    assert steps(done.stdout) == [1, 2, 3, 4, 5, 6, 7, 8]
    shown = set(re.findall(r"sess_.{4}…", done.stdout))
    assert len(shown) == 1
    assert shown == set(re.findall(r"sess_.{4}…", (tmp_path / "login.svg").read_text()))


def test_the_question_of_the_story_and_one_way_out(lab: Lab) -> None:
    assert "401, as to a stranger" in lab("trace", "five-servers").stdout
    sticky = lab("trace", "five-servers", "--policy", "sticky_cookie").stdout
    assert "stranger" not in sticky
    assert "200, as to a member" in sticky


def test_a_user_of_a_running_lab(lab: Lab, up: str, environ: dict[str, str]) -> None:
    with subprocess.Popen(
        [*LAB, "trace", "--user", "ravi", "--clicks", "2"], env=environ, stdout=subprocess.PIPE, text=True
    ) as tracing:
        assert tracing.stdout is not None
        drawn = tracing.stdout.readline()  # the lanes: it listens
        for user in ("somebody", "ravi", "ravi"):
            urllib.request.urlopen(urllib.request.Request(f"{up}/", headers={"Lab-User": user}))
        drawn += tracing.stdout.read()
        assert tracing.wait(20) == 0
    assert drawn.count("ravi: GET /") == 2
    assert "somebody" not in drawn


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say which messages: login, five-servers, checkout, or --user NAME"),
        (["login", "--user", "ravi"], "say which messages"),
        (["logni"], "did you mean login?"),
        (["--user", "ravi"], "no lab named 'lab' is running"),
        (["--user", "ravi", "--store", "redis"], "change it with lab switch"),
        (["--user", "ravi", "--cluster", "docker"], "change it with lab switch"),
        (["login", "--clicks", "3"], "--clicks goes with --user"),
    ],
)
def test_words_that_make_no_sense(lab: Lab, words: list[str], said: str) -> None:
    done = lab("trace", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_picture_that_cannot_be_written(lab: Lab) -> None:
    done = lab("trace", "login", "--svg", "/no/such/folder/x.svg")
    assert done.returncode == 2
    assert "cannot write the picture" in done.stderr
