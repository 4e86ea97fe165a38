"""The overlays of compose/kubernetes, as the real Kustomize renders them. No cluster is asked.

Kustomize is the one in `kubectl`, version 5; without it these tests are skipped, unless SESSION_LAB_REQUIRE_KUBECTL is
set (.ci/run).
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / "compose" / "kubernetes"
OVERLAYS = ("memory", "sticky", "redis", "load")

Object = dict[str, Any]


@dataclass(frozen=True)
class Pods:
    """The pods of one Deployment, each with one container."""

    name: str
    labels: dict[str, str]
    spec: Object

    @property
    def container(self) -> Object:
        (only,) = self.spec["containers"]
        return dict(only)

    @property
    def command(self) -> list[str]:
        return [*self.container["command"], *self.container["args"]]

    @property
    def ports(self) -> dict[str, int]:
        """By name."""
        return {port["name"]: port["containerPort"] for port in self.container.get("ports", [])}

    @property
    def probes(self) -> dict[str, Object]:
        kinds = ("startupProbe", "readinessProbe", "livenessProbe")
        return {kind: self.container[kind] for kind in kinds if kind in self.container}


class Objects(list[Object]):
    """What would be applied."""

    def of(self, kind: str) -> dict[str, Object]:
        return {each["metadata"]["name"]: each for each in self if each["kind"] == kind}

    def pods(self, selector: Mapping[str, str] | None = None) -> dict[str, Pods]:
        """Of each Deployment, by its name; those that a selector selects."""
        templates = {name: each["spec"]["template"] for name, each in self.of("Deployment").items()}
        every = [Pods(name, made["metadata"]["labels"], made["spec"]) for name, made in templates.items()]
        return {pods.name: pods for pods in every if (selector or {}).items() <= pods.labels.items()}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.slow)


@cache
def why_not() -> str:
    """Why nothing can be rendered here; empty: it can."""
    if shutil.which("kubectl") is None:
        return "there is no kubectl on PATH"
    told = subprocess.run(["kubectl", "version", "--client", "-o", "json"], capture_output=True, text=True, check=True)
    version = json.loads(told.stdout).get("kustomizeVersion", "v0")
    return "" if int(version.lstrip("v").split(".")[0]) >= 5 else f"kubectl's Kustomize is {version}; it has to be v5"


@cache
def rendered(overlay: str) -> Objects:
    if why := why_not():
        if os.environ.get("SESSION_LAB_REQUIRE_KUBECTL"):
            pytest.fail(why)
        pytest.skip(why)
    done = subprocess.run(["kubectl", "kustomize", FOLDER / overlay], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return Objects(yaml.safe_load_all(done.stdout))


def within(thing: Any, key: str) -> Iterator[Any]:
    """Every value of this key, however deep."""
    parts: Iterable[Any] = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list) else ()
    if isinstance(thing, dict) and key in thing:
        yield thing[key]
    for part in parts:
        yield from within(part, key)


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def objects(overlay: str) -> Objects:
    """Of a whole lab: `load` stands beside another overlay."""
    beside = rendered("memory") if overlay == "load" else []
    return Objects([*beside, *rendered(overlay)])
