"""Files that every worker reads as it begins, kept by the parent as they were when last usable.

A worker that has to be replaced while a certificate is being renewed, or is broken, is replaced all the same.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from balancer.settings import tls
from balancer.settings.config import BalancerConfig
from balancer.settings.problems import ConfigError

SHOWN = ("tls_certificate", "tls_key")
"""Read again at SIGHUP."""
KEPT = (*SHOWN, "backend_ca")

Files = dict[str, str]
"""Text by setting."""


def read(config: BalancerConfig, names: Sequence[str] = KEPT) -> Files:
    """Raises ConfigError."""
    paths = {name: getattr(config, name) for name in names}
    try:
        return {name: Path(path).read_text("latin-1") for name, path in paths.items() if path}
    except OSError as problem:
        raise ConfigError(f"{problem.filename} cannot be read: {problem.strerror}") from None


def read_again(config: BalancerConfig, files: Files) -> Files:
    """At SIGHUP; what cannot be used changes nothing. The workers say why."""
    try:
        fresh = files | read(config, SHOWN)
    except ConfigError:
        return files
    with in_memory(config, fresh) as settings:
        return files if any(tls.problems(settings)) else fresh


@contextmanager
def in_memory(config: BalancerConfig, files: Files) -> Iterator[BalancerConfig]:
    """The same settings with these texts for files, on no disk: private keys are among them."""
    with ExitStack() as opened:
        paths: dict[str, Any] = {}
        for name, text in files.items():
            file = opened.enter_context(os.fdopen(os.memfd_create(name), "w", encoding="latin-1", newline=""))
            file.write(text)
            file.flush()
            paths[name] = f"/proc/self/fd/{file.fileno()}"
        yield replace(config, **paths)
