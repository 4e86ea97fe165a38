"""The lab's own image: built from this checkout when its engine does not have it yet."""

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import docker
from docker.errors import BuildError, ImageNotFound

from scenarios.cluster.containers.engine import TROUBLE, advised, explained
from scenarios.errors import LabError

CHECKOUT = Path(__file__).resolve().parents[3]
SOURCES = ("compose/Dockerfile", "requirements.lock", "servers", "balancer", "scenarios")
REPOSITORY = "session-lab"
IMAGES = {
    "redis": ("REDIS_IMAGE", "redis:7-alpine"),
    "postgres": ("POSTGRES_IMAGE", "postgres:16-alpine"),
    "nginx": ("NGINX_IMAGE", "nginx:1.27-alpine"),
    "haproxy": ("HAPROXY_IMAGE", "haproxy:2.8-alpine"),
    "traefik": ("TRAEFIK_IMAGE", "traefik:v3.1"),
}
"""Of programs that are not the lab's: the variable that names an image, and the one to take otherwise."""


def image(engine: docker.DockerClient, say: Callable[[str], None], environ: Mapping[str, str] = os.environ) -> str:
    """The name of an image of exactly these sources; SESSION_LAB_IMAGE names another. `say` is told of each step of a
    build. SESSION_LAB_PYTHON is the base to build on, one that is on the engine. Raises LabError."""
    if chosen := environ.get("SESSION_LAB_IMAGE"):
        return have(engine, chosen, "SESSION_LAB_IMAGE", say)
    if not (CHECKOUT / "compose" / "Dockerfile").is_file():
        raise LabError("containers are built from a checkout: run ./lab there, or name an image: SESSION_LAB_IMAGE")
    base = environ.get("SESSION_LAB_PYTHON", "")
    tag = f"{REPOSITORY}:{digest(base)}"
    try:
        engine.images.get(tag)
    except ImageNotFound:
        build(engine, tag, base, say)
    return tag


def have(engine: docker.DockerClient, name: str, variable: str, say: Callable[[str], None]) -> str:
    """An image that the engine has, or can get. Raises LabError."""
    try:
        engine.images.get(name)
    except ImageNotFound:
        say(f"pulling {name}")
        try:
            engine.images.pull(name)
        except TROUBLE as failure:
            why = f"there is no image {name} and it cannot be pulled ({explained(failure)[:200]})"
            raise LabError(advised(failure) or f"{why}: name one with {variable}") from None
    return name


def digest(base: str) -> str:
    """Of everything the image is made of."""
    told = hashlib.sha256(base.encode())
    for source in SOURCES:
        path = CHECKOUT / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                told.update(f"{file.relative_to(CHECKOUT)}\n".encode() + file.read_bytes())
    return told.hexdigest()[:12]


def build(engine: docker.DockerClient, tag: str, base: str, say: Callable[[str], None]) -> None:
    options: dict[str, Any] = {"buildargs": {"PYTHON": base}, "network_mode": "host"} if base else {}
    try:
        lines = engine.api.build(
            path=str(CHECKOUT), dockerfile="compose/Dockerfile", tag=tag, rm=True, forcerm=True, decode=True, **options
        )
        for line in lines:
            if "error" in line:
                raise BuildError(line["error"], iter(()))
            step = str(line.get("stream", "")).strip()
            if step.startswith("Step 1/"):
                say(f"building the image {tag}: about a minute, once")
            if step.startswith("Step "):
                say(step[:74])
    except TROUBLE as failure:
        why = f"the image cannot be built: {explained(failure)[:200]}; name a base that is there: SESSION_LAB_PYTHON"
        raise LabError(advised(failure) or why) from None


def say(step: str) -> None:
    """What takes a while."""
    print(f"lab: {step}", file=sys.stderr, flush=True)
