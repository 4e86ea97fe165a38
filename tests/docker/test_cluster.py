"""`--cluster docker`: the commands people use, and what is left afterwards."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from scenarios import runtime as labs
from scenarios.cluster import docker
from scenarios.cluster.balancers import BALANCERS
from tests.cli.processes import LAB, Lab
from tests.docker.conftest import ours, until
from tests.docker.visitors import clicks
from tests.scenarios.cluster.traffic import ask, member


@pytest.mark.parametrize("balancer", BALANCERS)
def test_the_incident_passes(lab: Lab, balancer: str, environ: dict[str, str], traefik_image: str) -> None:
    environ |= {"TRAEFIK_IMAGE": traefik_image} if traefik_image else {}
    words = ("--cluster", "docker", "--balancer", balancer, "--servers", "5", "--json", "--no-journal")
    done = lab("run", "keeps-logging-out", *words)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    assert result["verdict"] == "pass"
    assert len(result["acts"]) == 6


def test_a_lab_that_was_killed_is_cleared_away_and_nobody_elses(
    lab: Lab, environ: dict[str, str], runtime: Path
) -> None:
    up = ["up", "--servers", "2", "--cluster", "docker"]
    other = lab(*up, "--name", "other", "--detach")
    assert other.returncode == 0, other.stderr[-2000:]
    with subprocess.Popen([*LAB, *up], env=environ, stdout=subprocess.PIPE, text=True) as doomed:
        assert doomed.stdout is not None
        url = doomed.stdout.readline().split()[4]
        assert sum(clicks(url, 6)[0].values()) == 6
        doomed.kill()
    assert len(ours(runtime)) == 2 * 4, "a balancer, two servers, a network; of both"
    down = lab("down", "--cluster", "docker")
    assert down.returncode == 0, down.stderr
    assert len(ours(runtime)) == 4
    assert lab("status", "--name", "other").returncode == 0
    assert lab("down", "--name", "other").returncode == 0


def test_ctrl_c_while_it_starts(environ: dict[str, str], runtime: Path) -> None:
    words = [*LAB, "up", "--servers", "4", "--cluster", "docker"]
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as starting:
        until("no container begins", lambda: ours(runtime))
        starting.send_signal(signal.SIGINT)
        try:
            assert starting.wait(60) == 130
        finally:
            starting.terminate()
    assert ours(runtime) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"DOCKER_HOST": "unix:///nowhere.sock"}, "no Docker Engine answers"),
        ({"REDIS_URL": "redis://127.0.0.1"}, "unset REDIS_URL"),
        ({"SESSION_LAB_IMAGE": "session-lab-no-such-image"}, "name one with SESSION_LAB_IMAGE"),
    ],
)
def test_what_cannot_be_done(environ: dict[str, str], more: dict[str, str], said: str) -> None:
    words = [*LAB, "run", "five-servers", "--cluster", "docker"]
    done = subprocess.run(words, env={**environ, **more}, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("lab: pulling ")]
    assert said in line


async def test_a_logbook_in_postgres_outlives_its_outage(docker_environ: dict[str, str], runtime: Path) -> None:
    place = labs.claim("pg", {"XDG_RUNTIME_DIR": str(runtime)})
    try:
        async with await docker.start(place.folder, docker_environ, servers=2) as cluster, member(cluster.url) as ravi:
            assert (await cluster.switch(store="postgres", migrate=True))["moved"] == 1
            assert [(await ask(ravi, "/account"))[1] for _ in range(4)] == ["hit"] * 4
            await cluster.stop_store()
            assert (await ask(ravi, "/account"))[:2] == (503, "store_error")
            await cluster.start_store()
            assert await ask(ravi, "/whoami") == (200, "hit", "ravi")
            await cluster.stop_store(hang=True)
            assert (await ask(ravi, "/account"))[:2] == (503, "store_error")
            await cluster.start_store()
            assert await ask(ravi, "/whoami") == (200, "hit", "ravi")
    finally:
        place.release()
    assert ours(runtime) == []
