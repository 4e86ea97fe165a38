"""What an engine refuses, as `lab` tells it: one line that says what to do next, exit code 2, and nothing is left."""

import ctypes
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import HERE, LAB, Done, folders
from tests.scenarios.cluster.containers.fake_engine import Answers, fake_engine

PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE = 1  # what lets root open what it may not open

NO_SPACE = "write /var/lib/docker/x: no space left on device"
NO_REGISTRY = 'Get "https://registry.example/v2/": dial tcp: lookup registry.example: no such host'
NO_IMAGE = (404, {"message": "No such image: mine"})


@pytest.fixture
def runtime(short_folder: Path, tmp_path: Path) -> Path:
    folder = short_folder / f"e{tmp_path.name[-20:]}"
    folder.mkdir()
    return folder


@pytest.fixture
def run(runtime: Path) -> Iterator[Callable[..., Done]]:
    def start(**more: Any) -> Done:
        environ = {"PYTHONPATH": str(HERE), "XDG_RUNTIME_DIR": str(runtime), "PATH": "/usr/bin:/bin"}
        environ |= {"DOCKER_HOST": f"unix://{runtime}/engine.sock", "HOME": str(runtime)}
        words = [*LAB, "run", "five-servers", "--cluster", "docker", "--no-journal"]
        before, out = more.pop("before", None), more.pop("stdout", subprocess.PIPE)
        return subprocess.run(
            words, env=environ | more, stdout=out, stderr=subprocess.PIPE, text=True, timeout=60, preexec_fn=before
        )

    yield start
    assert folders(runtime) == []


def refused(done: Done, said: str) -> None:
    assert said in done.stderr
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, done.stderr


def test_no_engine(run: Callable[..., Done]) -> None:
    refused(run(), "lab: no Docker Engine answers: start one, or set DOCKER_HOST")


def test_something_else_answers(run: Callable[..., Done], runtime: Path) -> None:
    with fake_engine(runtime / "engine.sock", {".*": (200, "<html>welcome</html>")}):
        refused(run(), "lab: no Docker Engine answers")


@pytest.mark.parametrize("version", ["1.12", "1.40"])
def test_an_engine_that_is_too_old(run: Callable[..., Done], runtime: Path, version: str) -> None:
    with fake_engine(runtime / "engine.sock", {"GET /version": (200, {"ApiVersion": version})}) as engine:
        refused(run(), "the lab needs Engine 20.10 (API 1.41) or a newer one")
    assert not [request for request in engine.asked if not request.startswith("GET")]


def test_a_socket_of_others(run: Callable[..., Done], runtime: Path) -> None:
    """Root may open everything, unless it has given that up."""

    def give_up() -> None:
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)

    with fake_engine(runtime / "engine.sock", {}) as engine:
        (runtime / "engine.sock").chmod(0)
        refused(run(before=give_up), "does not let you in: join its group (docker), or set DOCKER_HOST")
    assert engine.asked == []


def test_an_engine_that_permits_nothing(run: Callable[..., Done], runtime: Path) -> None:
    denied = {"message": "authorization denied by plugin"}
    with fake_engine(runtime / "engine.sock", {".*": (403, denied)}):
        refused(run(), "does not let you in")


@dataclass
class Refusal:
    what: str
    asked: str
    status: int
    message: str
    said: str


REFUSALS = (
    Refusal("no registry", "POST /images/create", 500, NO_REGISTRY,
            f"there is no image mine and it cannot be pulled ({NO_REGISTRY}): name one with SESSION_LAB_IMAGE"),
    Refusal("no room for a container", "POST /containers/create", 500, NO_SPACE,
            "no room left on the engine's disk: make some (docker system df)"),
    Refusal("a container of that name", "POST /containers/create", 409,
            'Conflict. The container name "/session-lab-x" is already in use by container "1f". You have to remove it',
            "a container session-lab-x that is not this lab's: docker rm session-lab-x, or use another --name"),
    Refusal("a network of that name", "POST /networks/create", 409, "network with name session-lab-x already exists",
            "docker network rm session-lab-x, or use another --name"),
    Refusal("no network left", "POST /networks/create", 500, "could not find an available, non-overlapping IPv4 pool",
            "the engine has no room for one more network: remove some"),
    Refusal("port taken in between", "POST /containers/1/start", 500,
            "driver failed: Bind for 127.0.0.1:8080 failed: port is already allocated",
            "the port is taken: choose another --port"),
    Refusal("an image of something else", "POST /containers/1/start", 400,
            'exec: "python3": executable file not found in $PATH: unknown',
            "an image lacks the program it is to run: name another with SESSION_LAB_IMAGE"),
    Refusal("an engine of another machine", "POST /containers/create", 400,
            'invalid mount config for type "bind": bind source path does not exist: /run/x',
            "does not see this machine's files"),
    Refusal("it dies before", "POST /networks/create", 0, "", "the Docker Engine says: "),
    Refusal("it dies", "POST /containers/create", 0, "", "the Docker Engine says: "),
)  # fmt: skip


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.what)
def test_what_an_engine_refuses(run: Callable[..., Done], runtime: Path, refusal: Refusal) -> None:
    answers: Answers = {refusal.asked: (refusal.status, {"message": refusal.message})}
    if "images" in refusal.asked:
        answers["GET /images/mine/json"] = NO_IMAGE
    with fake_engine(runtime / "engine.sock", answers) as engine:
        done = run(SESSION_LAB_IMAGE="mine")
    done.stderr = done.stderr.removeprefix("lab: pulling mine\n")
    refused(done, refusal.said)
    assert engine.there == set(), "what was made before is removed"


def test_an_image_is_built_before_a_board_is_shown(run: Callable[..., Done], runtime: Path) -> None:
    """On a terminal: a board would hide how far it is."""
    told = [{"stream": f"Step {step}/3 : RUN something\n"} for step in (1, 2, 3)]
    lines = "\n".join(map(json.dumps, [*told, {"error": "it failed"}]))
    answers: Answers = {"GET /images/.*": NO_IMAGE, "POST /build": (200, lines)}
    terminal, theirs = os.openpty()
    try:
        with fake_engine(runtime / "engine.sock", answers):
            done = run(stdout=theirs, TERM="xterm")
        os.set_blocking(terminal, False)
        with pytest.raises(BlockingIOError):  # nothing was drawn
            os.read(terminal, 1)
    finally:
        os.close(theirs)
        os.close(terminal)
    assert [line[:28] for line in done.stderr.splitlines()[:2]] == [
        "lab: building the image sess",
        "lab: Step 1/3 : RUN somethin",
    ]
    assert done.stderr.count("\n") == 5


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (f"COPY failed: {NO_SPACE}", "no room left on the engine's disk: make some (docker system df)"),
        ("", "the image cannot be built: "),
        (NO_REGISTRY, f"the image cannot be built: {NO_REGISTRY}; name a base that is there: SESSION_LAB_PYTHON"),
    ],
)
def test_a_build_that_fails(run: Callable[..., Done], runtime: Path, message: str, said: str) -> None:
    answers: Answers = {"GET /images/.*": NO_IMAGE, "POST /build": (200 if message else 0, {"error": message})}
    with fake_engine(runtime / "engine.sock", answers):
        refused(run(), said)
