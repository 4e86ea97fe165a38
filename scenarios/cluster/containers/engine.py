"""The Docker Engine: found, asked for what is ours on it, and understood when it refuses."""

import os
import re
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, InvalidVersion
from docker.models.containers import Container
from docker.utils import version_lt
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from scenarios import runtime
from scenarios.errors import LabError

LABEL = "session-lab"
"""On everything that is ours; its value is the lab's folder."""
LEAST = "1.41"
"""The API of Engine 20.10, the oldest that the lab has been tried on."""
CONNECTIONS = 256
"""To the engine: one for each container that is waited for."""
GONE_WITHIN = 60.0
TROUBLE = (DockerException, RequestException, HTTPError)
"""What the Docker SDK raises: the engine refused, or went away in the middle of an answer."""

REFUSALS = {
    "port is already allocated": "the port is taken: choose another --port",
    "address already in use": "the port is taken: choose another --port",
    "no space left": "no room left on the engine's disk: make some (docker system df), then start again",
    "bind source path does not exist": "the Docker Engine does not see this machine's files: DOCKER_HOST has to be "
    "an engine of this machine, and share the folder XDG_RUNTIME_DIR",
    "executable file not found": "an image lacks the program it is to run: name another with SESSION_LAB_IMAGE, or "
    "REDIS_IMAGE and the like",
    "non-overlapping": "the engine has no room for one more network: remove some (docker network ls)",
}
"""What an engine says, and what to do then."""
CLASH = re.compile(r'(container|network)(?: with)? name "?/?([\w.-]+)"? (?:is already in use|already exists)')


def engine(environ: Mapping[str, str] = os.environ) -> docker.DockerClient:
    """The one DOCKER_HOST names, or this machine's. Raises LabError: none, not ours to use, or too old."""
    try:
        client = docker.from_env(environment=dict(environ), timeout=60, max_pool_size=CONNECTIONS)
        client.ping()
    except InvalidVersion:
        raise LabError(too_old("")) from None
    except (*TROUBLE, OSError) as failure:
        raise LabError(not_reached(failure)) from None
    if version_lt(client.api.api_version, LEAST):
        raise LabError(too_old(f" (API {client.api.api_version})"))
    return client


def too_old(version: str) -> str:
    return f"this Docker Engine is too old{version}: the lab needs Engine 20.10 (API {LEAST}) or a newer one"


def not_reached(failure: Exception) -> str:
    cause = failure.__cause__ or failure
    refused = isinstance(cause, APIError) and cause.status_code in (401, 403)
    if refused or "permission denied" in str(failure).lower():
        return "the Docker Engine does not let you in: join its group (docker), or set DOCKER_HOST to one of yours"
    return "no Docker Engine answers: start one, or set DOCKER_HOST to where it listens (docker context inspect)"


def explained(failure: Exception) -> str:
    """The engine's own words, in one line."""
    return " ".join(str(getattr(failure, "explanation", None) or failure).split())


def advised(failure: Exception) -> str | None:
    """What to do next, if that is known."""
    why = explained(failure)
    if clash := CLASH.search(why):
        kind, name = clash.groups()
        word = "" if kind == "container" else f"{kind} "
        return f"there is a {kind} {name} that is not this lab's: docker {word}rm {name}, or use another --name"
    return next((advice for words, advice in REFUSALS.items() if words in why), None)


def said(failure: Exception) -> str:
    """What the engine refused, in one line that says what to do next."""
    return advised(failure) or f"the Docker Engine says: {explained(failure)[:200]}"


def send(container: Container, number: int) -> None:
    """A signal; one that has ended, or is not paused, is left alone. A container that is killed is gone, too.
    Raises what the engine said when it cannot pause one that runs, as some without root cannot."""
    try:
        match number:
            case signal.SIGSTOP:
                container.pause()
            case signal.SIGCONT:
                container.unpause()
            case signal.SIGKILL:
                container.remove(force=True, v=True)  # kills a paused one, too; its image may have declared volumes
            case _:
                container.kill(number)
    except APIError as refusal:
        if number == signal.SIGSTOP and refusal.is_server_error():
            raise


def remove(client: docker.DockerClient, folder: str) -> None:
    """Everything that carries this label, and nothing else. Raises LabError when the engine does not do it."""
    ours: dict[str, Any] = {"label": f"{LABEL}={folder}"}
    deadline = time.monotonic() + GONE_WITHIN
    while left := client.containers.list(all=True, filters=ours, sparse=True):
        if time.monotonic() > deadline:
            raise LabError(f"the Docker Engine does not remove {left[0].name}: docker rm --force {left[0].short_id}")
        for container in left:
            send(container, signal.SIGKILL)  # nothing happens to one that is being removed already
    for network in client.networks.list(filters=ours):
        network.remove()
    for volume in client.volumes.list(filters=ours):
        volume.remove()


def remove_killed(client: docker.DockerClient, base: Path) -> set[str]:
    """Remove what labs in this folder of labs left that were killed, whose locks nobody holds any more; their names."""
    everything: dict[str, Any] = {"label": LABEL}
    found = [
        *client.containers.list(all=True, filters=everything, sparse=True),
        *client.networks.list(filters=everything),
        *client.volumes.list(filters=everything),
    ]
    folders = {Path(each.attrs["Labels"][LABEL]) for each in found}
    killed = set()
    for folder in sorted(folders):
        if folder.parent != base or runtime.is_running(folder) or (lock := runtime.try_lock(folder)) is None:
            continue
        remove(client, str(folder))
        runtime.Place(folder.name, folder, lock).release()
        killed.add(folder.name)
    return killed
