"""Ctrl-C at any moment of a lab in containers: it ends at once, and nothing of it is left on the engine or the disk."""

import random
import signal
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.cli.processes import LAB, left
from tests.docker.conftest import ours, run, until

ENDS_WITHIN = 60
SERVERS = 4
UP = ("up", "--servers", str(SERVERS), "--store", "redis", "--cluster", "docker")
RUN = ("run", "five-servers", "--no-journal", "--cluster", "docker")
CHANCE = random.Random(7)
MOMENTS = {
    "its network is made": (UP, "network create", 1),
    "its store's container is made": (UP, "container create", 1),
    "a container of many is made": (UP, "container create", CHANCE.randint(2, SERVERS)),
    "the last container starts": (UP, "container start", SERVERS + 2),
    "a scenario runs": (RUN, "container start", 6),
    "it is taken down": (RUN, "container kill", CHANCE.randint(1, 6)),
    "it is taken down for good": (RUN, "container destroy", CHANCE.randint(1, 3)),
    "in the background": ((*UP, "--detach"), "container create", 3),
}


@contextmanager
def told(environ: dict[str, str], name: str) -> Iterator[Callable[[str, int], None]]:
    """Waits until the engine has told so often of something that happened to what has this name."""
    client = docker.DockerClient(base_url=environ["DOCKER_HOST"], timeout=60)
    events = client.events(decode=True)
    seen: list[str] = []
    heard = threading.Condition()

    def listen() -> None:
        for event in events:
            actor: dict[str, Any] = event.get("Actor", {}).get("Attributes", {})
            if name in actor.get("name", ""):
                with heard:
                    seen.append(f"{event['Type']} {event['Action']}")
                    heard.notify_all()

    def wait(what: str, times: int) -> None:
        with heard:
            assert heard.wait_for(lambda: seen.count(what) >= times, ENDS_WITHIN), seen

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    try:
        yield wait
    finally:
        events.close()
        listening.join(ENDS_WITHIN)
        client.close()


IMPATIENT = ("its network is made", "a container of many is made", "it is taken down")
CASES = [*((moment, 1) for moment in MOMENTS), *((moment, 2) for moment in IMPATIENT)]


@pytest.mark.usefixtures("image_of_labs")
@pytest.mark.parametrize(("moment", "times"), CASES)
def test_nothing_is_left(environ: dict[str, str], runtime: Path, moment: str, times: int) -> None:
    words, what, count = MOMENTS[moment]
    name = f"c{uuid.uuid4().hex[:8]}"
    if words[0] == "up":
        words = (*words, "--name", name)
    with subprocess.Popen([*LAB, *words], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as starting:
        mine = name if words[0] == "up" else f"run-{starting.pid}-"
        with told(environ, mine) as wait:
            wait(what, count)
        for _ in range(times):
            starting.send_signal(signal.SIGINT)
        try:
            code = starting.wait(ENDS_WITHIN)
        finally:
            starting.kill()
    over = "taken down" in moment  # then it may have come to its own end first, on a machine that is busy
    assert code == 130 or (over and code == 0)
    assert ours(runtime) == []
    assert left(runtime) == []


@pytest.fixture
def fresh_base(docker_environ: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """A base image that nothing has been built on; what is built on it goes with it. The value of its label, too."""
    base = docker_environ.get("SESSION_LAB_PYTHON") or "python:3.12-slim-bookworm"
    name = f"session-lab-tests-{uuid.uuid4().hex[:12]}"
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nLABEL lab-test={name}\n")
    run("docker", "build", "--quiet", "-t", name, str(tmp_path), env={"DOCKER_BUILDKIT": "0"})
    yield name
    run("docker", "rmi", "--force", name)
    run("docker", "image", "prune", "--all", "--force", "--filter", f"label=lab-test={name}")


def test_while_the_image_is_built(environ: dict[str, str], runtime: Path, fresh_base: str) -> None:
    """The lab ends at once, and the engine gives the build up: its container goes."""

    def building() -> str:
        return run("docker", "ps", "--all", "--quiet", "--filter", f"label=lab-test={fresh_base}")

    words = [*LAB, "up", "--cluster", "docker", "--detach"]
    environ = {**environ, "SESSION_LAB_PYTHON": fresh_base}
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as starting:
        assert starting.stderr is not None
        assert any("COPY requirements.lock" in line for line in starting.stderr), "one sees what takes so long"
        until("pip does not begin", building)
        starting.send_signal(signal.SIGINT)
        try:
            assert starting.wait(10) == 130
        finally:
            starting.kill()
    until("the build goes on", lambda: not building())
    assert ours(runtime) == []
    assert left(runtime) == []
