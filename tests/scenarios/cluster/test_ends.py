"""However a lab ends - Ctrl-C, `kill -9`, its nursery killed - no process, folder or port is left behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from scenarios import runtime
from scenarios.cluster.attached import AttachedCluster
from scenarios.cluster.processes import ProcessCluster
from scenarios.errors import LabError
from tests.scenarios.cluster.leftovers import assert_nothing_left, processes_of, still_alive

SCRIPT = Path(__file__).with_name("lab_script.py")
ROOT = Path(__file__).parents[3]

Start = Callable[..., "Lab"]


class Lab:
    """A lab in another process."""

    def __init__(self, environ: dict[str, str], store: str = "memory") -> None:
        self.runtime = Path(environ["XDG_RUNTIME_DIR"])
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), "one", store],
            env=environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,  # Ctrl-C goes to this group, as from a terminal
        )

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.communicate()[1])
        word: dict[str, Any] = json.loads(line)
        return word

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def nursery(self) -> psutil.Process:
        [nursery] = psutil.Process(self.process.pid).children()
        return nursery


@pytest.fixture
def start(environ: dict[str, str]) -> Iterator[Start]:
    labs: list[Lab] = []

    def start(store: str = "memory") -> Lab:
        labs.append(Lab(environ, store))
        return labs[-1]

    yield start
    for lab in labs:
        if lab.process.poll() is None:
            os.killpg(lab.process.pid, signal.SIGKILL)
        lab.process.communicate()


def assert_gone(family: list[psutil.Process], folder: Path) -> None:
    assert still_alive(family) == []
    assert not folder.exists()
    assert processes_of(folder.parent) == []


def test_ctrl_c_ends_the_lab_in_order(start: Start) -> None:
    lab = start()
    folder = Path(lab.hear()["folder"])
    family = lab.family()
    os.killpg(lab.process.pid, signal.SIGINT)
    while_ending = lab.hear()
    assert all(server["healthy"] for server in while_ending["servers"]), "children must not see the terminal's Ctrl-C"
    lab.process.wait(10)
    assert_gone(family, folder)


@pytest.mark.parametrize("store", ["memory", "redis", "postgres"])
def test_kill_9_of_the_lab(start: Start, store: str) -> None:
    lab = start(store)
    folder = Path(lab.hear()["folder"])
    family = lab.family()
    assert len(family) >= 4
    postgres = (folder / "pg").resolve()  # as root it lives elsewhere
    assert postgres.exists() == (store == "postgres")
    lab.process.kill()
    assert still_alive(family) == []
    assert not folder.exists()
    assert not postgres.exists()


def test_kill_9_of_the_nursery(start: Start) -> None:
    lab = start("redis")
    folder = Path(lab.hear()["folder"])
    family = lab.family()
    lab.nursery().kill()
    assert still_alive(family) == []
    os.killpg(lab.process.pid, signal.SIGINT)
    lab.process.wait(10)
    assert_gone(family, folder)


def test_kill_9_of_lab_and_nursery_is_healed_by_the_next_lab(start: Start) -> None:
    lab = start("redis")
    folder = Path(lab.hear()["folder"])
    family = lab.family()
    lab.nursery().suspend()  # so that it cannot clean up
    lab.process.kill()
    for process in family:
        process.kill()
    lab.process.wait(5)
    assert still_alive(family) == []
    assert folder.exists()
    again = start()
    assert again.hear()["folder"] == str(folder)


def test_a_new_lab_waits_for_the_cleaning_of_a_killed_one(start: Start) -> None:
    lab = start("redis")
    lab.hear()
    family = lab.family()
    lab.process.kill()
    again = start()
    assert again.hear()["url"]
    assert still_alive(family, within=0) == []


def test_a_second_lab_of_the_same_name_is_refused(start: Start) -> None:
    lab = start()
    lab.hear()
    second = start()
    _, complaint = second.process.communicate(timeout=10)
    assert "a lab named 'one' is running: end it (lab down --name one) or use another --name" in complaint


async def test_down_ends_a_lab_and_waits_for_it(start: Start, environ: dict[str, str]) -> None:
    lab = start()
    folder = Path(lab.hear()["folder"])
    family = lab.family()
    cluster = await AttachedCluster.attach("one", environ)
    await cluster.stop()
    assert_gone(family, folder)
    with pytest.raises(LabError, match="the lab 'one' has ended"):
        await cluster.state()
    with pytest.raises(LabError, match="no lab named 'one' is running"):
        await AttachedCluster.attach("one", environ)


async def test_down_ends_a_lab_that_hangs(
    start: Start, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = start()
    folder = Path(lab.hear()["folder"])
    family = lab.family()
    lab.process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(runtime, "LAB_STOPS_WITHIN", 0.3)
    ending = asyncio.create_task(runtime.down("one", environ))
    await asyncio.to_thread(lab.process.wait)  # its parent must collect it
    await ending
    assert_gone(family, folder)


@pytest.mark.parametrize("moment", [0.02, 0.1, 0.2, 0.3, 0.4, 0.6])
def test_ctrl_c_at_any_moment_of_the_start(start: Start, moment: float) -> None:
    lab = start("redis")
    time.sleep(moment)  # the moment is what is tested
    family = lab.family()
    os.killpg(lab.process.pid, signal.SIGINT)
    lab.process.communicate(timeout=15)
    assert still_alive(family) == []
    assert processes_of(lab.runtime) == []
    assert list((lab.runtime).glob("session-lab/*")) == []


@pytest.mark.slow
@pytest.mark.parametrize("step", range(40))
def test_ctrl_c_at_many_moments(start: Start, step: int) -> None:
    test_ctrl_c_at_any_moment_of_the_start(start, step * 0.03)


async def test_a_dead_nursery_is_one_clear_line(folder: Path) -> None:
    cluster = await ProcessCluster.start(folder, servers=1)
    os.kill(cluster.nursery_pid, signal.SIGKILL)
    await cluster.until_broken()
    with pytest.raises(LabError, match="stop this lab and start it again"):
        await cluster.state()
    with pytest.raises(LabError, match="stop this lab and start it again"):
        await cluster.scale(2)
    await cluster.stop()
    assert_nothing_left(folder)
