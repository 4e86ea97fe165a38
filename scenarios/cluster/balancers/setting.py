"""What another proxy is to do, and what one has to say of itself to be put in the balancer's place.   [pure]"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

PROBE = "/.session-lab"
"""The lab's own requests go there. The proxy answers them itself, and says which configuration is in force."""
GENERATION = "Lab-Generation"
COOKIE = "LAB"
"""The proxy's own cookie, by which it knows whom it has seen before."""


@dataclass(frozen=True)
class Setting:
    """One configuration. `generation` goes up with each, so that one can see which is in force."""

    listen: str
    policy: str
    servers: Mapping[str, str]
    """Name -> HOST:PORT, in their order."""
    draining: frozenset[str] = frozenset()
    generation: int = 1

    @property
    def open(self) -> dict[str, str]:
        """The servers that get new users; all of them when none would."""
        return {name: at for name, at in self.servers.items() if name not in self.draining} or dict(self.servers)

    def without(self, name: str) -> "Setting":
        left = {other: address for other, address in self.servers.items() if other != name}
        return replace(self, servers=left, draining=self.draining - {name})


class Proxy(Protocol):
    """Another proxy: its files, how it is started and made to read them again, and its access log."""

    name: ClassVar[str]
    """Of its program."""
    package: ClassVar[str]
    """What to install, as Debian calls it."""
    policies: ClassVar[Mapping[str, str]]
    """The lab's name of each policy it has -> what it says in the configuration."""
    access_log: Path
    reload: ClassVar[int | None]
    """The signal; None: it watches its files."""
    end: ClassVar[int]
    """The signal that ends it and its workers at once."""

    def files(self, setting: Setting) -> dict[Path, str]:
        """What has to be in which file."""

    def arguments(self, setting: Setting) -> list[str]:
        """Of its command line. What it says of the setting must never change."""

    def line(self, told: bytes) -> dict[str, Any] | None:
        """A line of its access log, as `access_log.FIELDS` has it; None if it says nothing of a request."""
