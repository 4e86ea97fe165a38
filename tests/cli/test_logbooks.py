"""`lab logbooks`, of each server and shared."""

import json
import subprocess

from tests.cli.processes import LAB, Lab


def test_each_servers_own_then_the_one_that_all_of_them_read(lab: Lab, up: str, environ: dict[str, str]) -> None:
    empty = lab("logbooks")
    assert (empty.returncode, empty.stderr) == (0, "")
    assert empty.stdout.count("nobody is written in it") == 3
    assert lab("users", "6").returncode == 0
    with subprocess.Popen(
        [*LAB, "logbooks", "--follow", "--json"], env=environ, stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        while not any(book["entries"] for book in json.loads(following.stdout.readline())["logbooks"]):
            pass
        following.terminate()
    assert lab("switch", "--store", "redis", "--migrate").returncode == 0
    (shared,) = json.loads(lab("logbooks", "--json").stdout)["logbooks"]
    assert (shared["name"], len(shared["servers"])) == ("redis", 3)
    assert shared["sessions"] == len(shared["entries"]) > 0
    shown = lab("logbooks").stdout
    assert shown.startswith("redis ")
    assert max(map(len, shown.splitlines())) <= 100
    assert all(entry["user"] in shown for entry in shared["entries"])


def test_no_lab(lab: Lab) -> None:
    done = lab("logbooks", "--follow")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no lab named 'lab' is running" in done.stderr
