"""A real Docker Engine, the lab's image on it, and compose projects that leave nothing behind.

DOCKER_HOST says which engine; without one these tests are skipped, unless SESSION_LAB_REQUIRE_DOCKER is set (.ci/run).
SESSION_LAB_STAND_INS names an image with Debian's programs that takes the place of a registry's images, and
SESSION_LAB_PYTHON one with Python: see .ci/run. SESSION_LAB_COMPOSE is the program for compose.yaml: "docker
compose", or docker-compose, version 1 (what .ci/run has) or 2.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scenarios.cluster.containers.engine import engine
from scenarios.cluster.containers.image import image as lab_image
from scenarios.cluster.programs import find_program
from tests.cli.processes import LAB, Done, Lab, folders

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
STAND_IN = os.environ.get("SESSION_LAB_STAND_INS", "")
COMPOSE = (os.environ.get("SESSION_LAB_COMPOSE") or "docker-compose").split()
STORES = ("memory", "sticky", "redis", "postgres")
PROFILES = (*STORES, "nginx", "haproxy", "traefik", "load", "observe")
PUBLISHED = {
    "balancer": 8080,
    "balancer-sticky": 8080,
    "nginx": 8081,
    "haproxy": 8081,
    "traefik": 8081,
    "load-master": 8089,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(600))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where an engine is required, no test of this folder is skipped, for whatever reason."""
    report = yield
    if report.skipped and os.environ.get("SESSION_LAB_REQUIRE_DOCKER"):
        report.outcome, report.longrepr = "failed", f"{item.nodeid} was skipped: {report.longrepr}"
    return report


class Failed(OSError):
    """A program ended with an error; the message has its last words."""


def run(*words: str, env: dict[str, str] | None = None, cwd: Path = CHECKOUT, within: float = 300) -> str:
    """What the program prints. Raises Failed."""
    done = subprocess.run(
        words, env={**os.environ, **(env or {})}, cwd=cwd, capture_output=True, text=True, timeout=within
    )
    if done.returncode:
        raise Failed(f"{' '.join(words)}: {(done.stderr or done.stdout)[-1500:]}")
    return done.stdout


def until(said: str, look: Callable[[], Any], within: float = 90) -> Any:
    """The first true answer. What is waited for happens in the engine: there is nothing to be woken by."""
    deadline = time.monotonic() + within
    while True:
        try:
            if answer := look():
                return answer
        except OSError:
            pass
        assert time.monotonic() < deadline, said
        time.sleep(0.2)


@pytest.fixture(scope="session")
def image(docker_environ: dict[str, str]) -> str:
    """The lab's image, built from the checkout."""
    name = "session-lab:tests"
    base = os.environ.get("SESSION_LAB_PYTHON", "")
    network = ["--network", "host"] if base else []
    arguments = ["--build-arg", f"PYTHON={base}"] if base else []
    words = ["docker", "build", "--quiet", *network, *arguments, "-f", "compose/Dockerfile", "-t", name, "."]
    run(*words, env={"DOCKER_BUILDKIT": "0"}, within=500)
    return name


@pytest.fixture(scope="session")
def image_of_labs(docker_environ: dict[str, str]) -> str:
    """The one that `--cluster docker` would build first."""
    return lab_image(engine(docker_environ), print, docker_environ)


@pytest.fixture(scope="session")
def traefik_image(docker_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The usual one, or where no registry can be reached a stand-in with Traefik's program, which is one file."""
    if not STAND_IN:
        return docker_environ.get("TRAEFIK_IMAGE", "")
    folder = tmp_path_factory.mktemp("traefik")
    shutil.copy(find_program("traefik") or "traefik", folder / "traefik")
    (folder / "Dockerfile").write_text(f"FROM {STAND_IN}\nCOPY traefik /usr/local/bin/traefik\n")
    name = "session-lab-tests-traefik"
    run("docker", "build", "--quiet", "-t", name, ".", cwd=folder, env={"DOCKER_BUILDKIT": "0"})
    return name


@pytest.fixture(scope="session")
def settings(image: str, docker_environ: dict[str, str], traefik_image: str) -> dict[str, str]:
    """What compose.yaml is told: our image, any free ports, and stand-ins where no registry can be reached."""
    chosen = {"LAB_IMAGE": image, "COMPOSE_INTERACTIVE_NO_CLI": "1"}
    ports = (
        "LAB",
        "NGINX",
        "NGINX_STICKY",
        "HAPROXY",
        "HAPROXY_STICKY",
        "TRAEFIK",
        "TRAEFIK_STICKY",
        "LOCUST",
        "GRAFANA",
    )
    chosen |= {f"{name}_PORT": "0" for name in ports}
    chosen["DOCKER_SOCKET"] = os.environ.get("DOCKER_HOST", "").removeprefix("unix://") or "/var/run/docker.sock"
    if STAND_IN:
        chosen |= {f"{name}_IMAGE": STAND_IN for name in ("REDIS", "NGINX", "HAPROXY", "PROMETHEUS")}
        chosen["TRAEFIK_IMAGE"] = traefik_image
        chosen["GRAFANA_IMAGE"] = image  # never started: Debian has no Grafana; but it has to have a command
        postgres = chosen["POSTGRES_IMAGE"] = docker_environ["POSTGRES_IMAGE"]
        chosen["POSTGRES_UID"] = run("docker", "run", "--rm", "--entrypoint", "id", postgres, "-u", "postgres").strip()
    return chosen


@dataclass
class Compose:
    """One project."""

    settings: dict[str, str]
    name: str = field(default_factory=lambda: f"lab-tests-{uuid.uuid4().hex[:8]}")
    profiles: tuple[str, ...] = ()

    def do(self, *words: str) -> str:
        chosen = [word for profile in self.profiles for word in ("--profile", profile)]
        compose = [*COMPOSE, "-f", "compose/compose.yaml", "-p", self.name, *chosen]
        return run(*compose, *words, env={**self.settings, "COMPOSE_PROJECT_NAME": self.name})

    def up(self, *profiles: str, **scale: int) -> None:
        self.profiles = profiles
        counts = [f"--scale={name.replace('_', '-')}={count}" for name, count in scale.items()]
        self.do("up", "--detach", "--no-build", *counts)

    def url(self, service: str, port: int | None = None) -> str:
        """Of a published port."""
        return f"http://{self.do('port', service, str(port or PUBLISHED[service])).strip()}"

    def containers(self) -> list[dict[str, Any]]:
        ids = self.do("ps", "--all", "--quiet").split()
        found: list[dict[str, Any]] = json.loads(run("docker", "inspect", *ids))
        return found

    def backends(self, balancer: str = "balancer") -> list[dict[str, Any]]:
        """As the balancer's admin port tells it, inside."""
        ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9100/state').read().decode())"
        state: dict[str, Any] = json.loads(self.do("exec", "-T", balancer, "python3", "-c", ask))
        rows: list[dict[str, Any]] = state["backends"]
        return rows

    def ready(self, servers: int, balancer: str = "balancer") -> None:
        """Return once this many servers serve, and no other."""

        def serving() -> bool:
            rows = self.backends(balancer)
            return len(rows) == servers and all(row["healthy"] for row in rows) and self._all_healthy()

        until(f"{servers} servers do not serve", serving)

    def _all_healthy(self) -> bool:
        states = [container["State"].get("Health", {}).get("Status", "healthy") for container in self.containers()]
        return set(states) == {"healthy"}


@pytest.fixture
def compose(settings: dict[str, str]) -> Iterator[Compose]:
    project = Compose(settings)
    yield project
    project.profiles = PROFILES
    project.do("down", "--volumes", "--timeout", "5")
    for kind in ("ps -a", "network ls", "volume ls"):
        left = run("docker", *kind.split(), "-q", "--filter", f"label=com.docker.compose.project={project.name}")
        assert left == "", kind


@pytest.fixture
def runtime(short_folder: Path) -> Path:
    """A runtime folder of the test's own, with a short path."""
    return Path(tempfile.mkdtemp(dir=short_folder))


@pytest.fixture
def environ(docker_environ: dict[str, str], runtime: Path) -> dict[str, str]:
    return {**docker_environ, "PYTHONPATH": str(CHECKOUT), "XDG_RUNTIME_DIR": str(runtime)}


@pytest.fixture
def lab(environ: dict[str, str], runtime: Path) -> Iterator[Lab]:
    """The command line; afterwards nothing of its labs may be on the engine, nor a folder."""

    def start(*words: str, **more: str) -> Done:
        environment = {**environ, **more}
        return subprocess.run([*LAB, *words], env=environment, capture_output=True, text=True, timeout=500)

    yield start
    assert ours(runtime) == []
    assert folders(runtime) == []


def ours(runtime: Path) -> list[str]:
    """Containers, networks and volumes of the labs in this runtime folder."""
    left = []
    for kind, name in (("ps -a", "Names"), ("network ls", "Name"), ("volume ls", "Name")):
        told = f'{{{{.Label "session-lab"}}}} {kind.split()[0]} {{{{.{name}}}}}'
        rows = run("docker", *kind.split(), "--filter", "label=session-lab", "--format", told)
        left += [row for row in rows.splitlines() if row.startswith(f"{runtime}/")]
    return left
