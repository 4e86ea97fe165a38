"""The image: small, of nobody's rights, and the same from the same checkout."""

import hashlib
import io
import json
import os
import subprocess
import tarfile

from tests.docker.conftest import CHECKOUT, run

MOST_ADDED = 120 * 1024 * 1024
"""Bytes that the lab may add to its base."""


def test_it_runs_as_nobody_on_a_file_system_that_cannot_be_written(image: str) -> None:
    """And can do what the three roles need: import them."""
    check = "import os, balancer.processes.serve, servers.serve, locust, asyncpg; print(os.getuid()); open('/x', 'w')"
    done = subprocess.run(
        ["docker", "run", "--rm", "--read-only", "--cap-drop=ALL", "--network=none", image, "python3", "-c", check],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "10001\n", done.stderr
    assert "Read-only file system" in done.stderr


def test_it_is_small_and_says_how_it_is(image: str) -> None:
    (about,) = json.loads(run("docker", "inspect", image))
    assert about["Config"]["Healthcheck"]["Test"][0] == "CMD"
    assert about["Config"]["User"] == "10001:10001"
    base = os.environ.get("SESSION_LAB_PYTHON", "python:3.12-slim-bookworm")
    (beneath,) = json.loads(run("docker", "inspect", base))
    assert about["Size"] - beneath["Size"] < MOST_ADDED


def files(image: str) -> dict[str, str]:
    """What the lab has added: path to digest."""
    made = run("docker", "create", image).strip()
    try:
        tar = subprocess.run(["docker", "cp", f"{made}:/opt/lab", "-"], capture_output=True, check=True).stdout
    finally:
        run("docker", "rm", made)
    found = {}
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            found[member.name] = hashlib.sha256(content.read() if content else member.linkname.encode()).hexdigest()
    return found


def test_the_same_checkout_gives_the_same_files(image: str) -> None:
    base = os.environ.get("SESSION_LAB_PYTHON", "")
    network = ["--network", "host", "--build-arg", f"PYTHON={base}"] if base else []
    words = ["docker", "build", "--no-cache", "--quiet", *network, "-f", "compose/Dockerfile", "."]
    again = run(*words, env={"DOCKER_BUILDKIT": "0"}, within=500).strip()
    try:
        first, second = files(image), files(again)
        assert {path for path in first.keys() | second.keys() if first.get(path) != second.get(path)} == set()
        assert len(first) > 1000
    finally:
        run("docker", "rmi", again)


def test_the_checkouts_other_things_stay_out(image: str) -> None:
    assert not [path for path in files(image) if "/tests/" in path and "/app/" in path]
    assert (CHECKOUT / ".dockerignore").is_file()
