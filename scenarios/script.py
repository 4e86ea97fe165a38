"""Scenario scripts: found by name or by file, and played on a cluster.

A script is a Python file with `async def play(lab)` (see scenarios/stage.py). Its docstring is its summary; START, if
there, says how the cluster begins, also one that runs already: {"servers": 1, "store": "memory", "policy": "random"};
NEEDS, if there, which stores it will switch to, such as ("redis",): one that cannot be had is said before the play, and
not in its middle.
"""

import ast
import asyncio
import importlib
import importlib.util
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from scenarios.cluster.base import Cluster
from scenarios.errors import LabError
from scenarios.nearest import hint
from scenarios.plays import SCENARIOS
from scenarios.stage import Lab, Settings
from servers.stores import STORES

DEFAULT_START = {"servers": 1, "store": "memory", "policy": "round_robin"}


def load(name: str) -> ModuleType:
    """The script called `name`, or the one in the file `name` (ends in .py). LabError when there is none to play."""
    if name in SCENARIOS:
        return importlib.import_module(SCENARIOS[name])
    if not name.endswith(".py"):
        raise LabError(f"no scenario is called {name!r}; {hint(name, SCENARIOS)} (a script of your own: FILE.py)")
    script = _import_file(Path(name))
    if not asyncio.iscoroutinefunction(getattr(script, "play", None)):
        raise LabError(f"{name} has no `async def play(lab)`: add one, see scenarios/plays for examples")
    return script


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise LabError(f"{path}: no such file; give the path of a scenario script, or a name from `lab scenarios`")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise LabError(f"{path} cannot be read as a Python file")
    script = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(script)
    except (Exception, SystemExit) as error:
        raise LabError(f"{path} cannot be loaded: {_where(error, path)}") from error
    return script


def start_of(script: ModuleType) -> dict[str, Any]:
    """How a cluster of its own begins for this script. Raises LabError when START says something else than that."""
    return {**DEFAULT_START, **said_start(script)}


def said_start(script: ModuleType) -> dict[str, Any]:
    """What the script itself says of it. Raises LabError likewise."""
    start = getattr(script, "START", {})
    if not isinstance(start, dict) or not start.keys() <= DEFAULT_START.keys():
        raise LabError(f"{script.__name__}: START may say {', '.join(DEFAULT_START)}, not {start!r}; correct it")
    return start


def needs_of(script: ModuleType) -> tuple[str, ...]:
    """The stores it will switch to. Raises LabError when NEEDS says something else than that."""
    needs = getattr(script, "NEEDS", ())
    if not isinstance(needs, tuple) or not set(needs) <= STORES.keys():
        raise LabError(f'{script.__name__}: NEEDS is a tuple of stores, such as ("redis",), not {needs!r}; correct it')
    return needs


def takes_servers(script: ModuleType) -> bool:
    """Whether anything in it reads `lab.servers`, the number that --servers gives."""
    nodes = ast.walk(ast.parse(Path(script.__file__ or "").read_bytes()))
    return any(isinstance(node, ast.Attribute) and node.attr == "servers" for node in nodes)


async def play(
    name: str,
    script: ModuleType,
    cluster: Cluster,
    settings: Settings,
    show: Callable[[dict[str, Any], str], None],
    limit: float,
) -> dict[str, Any]:
    """Play a script and return the run's record (the `--json` of `lab run`). `limit` seconds bound the whole play.

    A cluster that stands otherwise is brought to what START says first; what START leaves open stays as it is.
    A script that raises or never ends becomes a LabError that says where, so that the cluster is stopped in order.
    """
    start = said_start(script)
    for store in needs_of(script):
        await cluster.need(store)
    lab = Lab(cluster, settings, show)
    try:
        await lab.arrange(**start)
        async with asyncio.timeout(limit) as clock:
            await script.play(lab)
    except LabError:
        raise
    except Exception as error:
        if clock.expired():
            raise LabError(f"{name} did not end within {limit:g} s; mend it or give it longer (--limit)") from None
        raise LabError(f"{name} failed: {_where(error, Path(script.__file__ or name))}") from error
    finally:
        await lab.close()
    if not lab.acts:
        raise LabError(f"{name} has shown nothing: measure something in `async with lab.act(...)`, see scenarios/plays")
    return lab.result(name)


def _where(error: BaseException, path: Path) -> str:
    """The error in one line, with the script's own line that led to it."""
    if isinstance(error, SyntaxError):  # of the script, or of what it imports
        return f"{type(error).__name__}: {error.msg} (line {error.lineno} of {Path(error.filename or path).name})"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    said = str(error).split("\n")[0]
    return f"{type(error).__name__}: {said}" + (f" (line {lines[-1]} of {path.name})" if lines else "")
