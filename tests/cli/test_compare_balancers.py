"""`lab compare-balancers`."""

import json

import pytest

from tests.cli.processes import Lab


@pytest.mark.slow
def test_the_same_steps_behind_two_balancers(lab: Lab) -> None:
    words = ("--behind", "ours,nginx", "--servers", "3", "--users", "12", "--requests", "400")
    done = lab("compare-balancers", *words, "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    steps = ["incident", "sticky", "killed server", "rolling deploy", "reload"]
    assert [(row["behind"], row["step"]) for row in rows] == [(b, step) for b in ("ours", "nginx") for step in steps]
    for row in rows:
        assert row["requests"] >= 24, row
        assert row["agrees"]
        assert row["users"] == 12
        assert (row["cpu_us"] or 1) > 0
        if row["step"] == "incident":
            assert row["theory_rate"] == pytest.approx(2 / 3)
            assert row["logged_out"] > 100
        elif row["step"] == "killed server":
            assert row["users_moved"] > 0
        else:
            assert (row["logged_out"], row["users_out"]) == (0, 0)
        if row["step"] == "rolling deploy":
            assert row["users_moved"] == 12
        if row["step"] in ("sticky", "reload"):
            assert row["users_moved"] == 0
        if row["behind"] == "ours" and row["step"] != "killed server":
            assert row["failed"] == 0
    assert "lab: nginx: rolling deploy" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--behind", "nginks"), "did you mean nginx?"),
        (("--servers", "30"), "change --servers or --users"),
        (("--servers", "1"), "two servers or more"),
    ],
)
def test_what_cannot_be_done(lab: Lab, words: tuple[str, ...], said: str) -> None:
    done = lab("compare-balancers", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
