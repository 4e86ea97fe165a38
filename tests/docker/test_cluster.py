"""`--cluster docker`: the commands people use, and what is left afterwards."""

import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from scenarios import runtime as labs
from scenarios.cluster import docker
from scenarios.cluster.balancers import BALANCERS
from tests.cli.processes import LAB, Lab
from tests.docker.conftest import ours, run, until
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
    shutil.rmtree(runtime / "session-lab" / "lab")  # as when the machine was started again
    down = lab("down", "--cluster", "docker")
    assert down.returncode == 0, down.stderr
    assert len(ours(runtime)) == 4
    assert lab("status", "--name", "other").returncode == 0
    os.kill(labs.owner(runtime / "session-lab" / "other"), signal.SIGKILL)
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


def test_a_name_that_is_taken(lab: Lab, environ: dict[str, str], runtime: Path) -> None:
    """By a lab that runs; and on the engine, by somebody else's network, which is left alone."""
    up = ["up", "--cluster", "docker", "--detach"]
    assert lab(*up, "--name", "one").returncode == 0
    again = lab(*up, "--name", "one")
    assert (again.returncode, again.stdout) == (2, "")
    assert "a lab named 'one' is running: end it (lab down --name one) or use another --name" in again.stderr
    (network,) = [row.split()[-1] for row in ours(runtime) if " network " in row]
    assert lab("down", "--name", "one").returncode == 0
    run("docker", "network", "create", network)
    try:
        clash = lab(*up, "--name", "one")
        assert (clash.returncode, clash.stdout) == (2, "")
        said = (
            f"there is a network {network} that is not this lab's: docker network rm {network}, or use another --name"
        )
        assert said in clash.stderr
        run("docker", "network", "inspect", network)
    finally:
        run("docker", "network", "rm", network)


def test_what_a_killed_run_left_goes_with_the_next_lab(lab: Lab, environ: dict[str, str], runtime: Path) -> None:
    words = [*LAB, "run", "five-servers", "--pace", "step", "--cluster", "docker", "--no-journal"]
    with subprocess.Popen(words, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as doomed:
        until("it does not run", lambda: len(ours(runtime)) == 7, within=150)
        doomed.kill()
    assert len(ours(runtime)) == 7, "a balancer, five servers, a network"
    assert lab("up", "--cluster", "docker", "--detach").returncode == 0
    assert len(ours(runtime)) == 3, "a balancer, a server, a network: of the new one"
    assert lab("down").returncode == 0


def test_a_port_that_is_taken(lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = lab("up", "--cluster", "docker", "--port", str(taken.getsockname()[1]))
    assert (done.returncode, done.stdout) == (2, "")
    assert "is taken: choose another, or 0 for any free one" in done.stderr


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_a_container_that_dies_at_once(lab: Lab, environ: dict[str, str], detach: list[str]) -> None:
    """Its last words are told: of an image that is not the lab's, most likely."""
    wrong = environ.get("SESSION_LAB_PYTHON", "python:3.12-slim-bookworm")
    done = lab("up", "--cluster", "docker", *detach, SESSION_LAB_IMAGE=wrong)
    assert (done.returncode, done.stdout) == (2, "")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("lab: the container ")
    assert "ended at once (exit code 1): " in last
    assert "No module named 'scenarios'" in last
    assert "name one of this lab" in last


async def test_a_logbook_in_redis_whatever_this_machine_has(docker_environ: dict[str, str], runtime: Path) -> None:
    """Without redis-server on it the lab's own wheel has valkey-server, which the usual image has not."""
    place = labs.claim("redis", {"XDG_RUNTIME_DIR": str(runtime)})
    environ = docker_environ | {"PATH": str(runtime)}
    try:
        async with await docker.start(place.folder, environ, store="redis") as cluster, member(cluster.url) as ravi:
            assert (await ask(ravi, "/account"))[:2] == (200, "hit")
    finally:
        place.release()
    assert ours(runtime) == []


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
