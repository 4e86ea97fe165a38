"""What stands in front of the servers: our own balancer, or another proxy in its place."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Protocol


class Balancer(Protocol):
    """Every method raises LabError when it has ended, or cannot do what was asked."""

    async def until_ready(self) -> str:
        """The address it listens on, HOST:PORT."""

    async def until_ended(self) -> None:
        """Wait until it has ended, asked or not."""

    async def end(self) -> None:
        """It takes no more requests."""

    async def cpu(self) -> float:
        """Seconds of user and system time that its present processes have used so far."""

    async def state(self) -> dict[str, Any]:
        """{time, admin, policy, totals, backends: [{name, address, healthy, draining, ...}]}, with the counts of
        `balancer.counts.Counts.record` in the totals and in each backend. Whatever was answered is counted."""

    async def label(self, store: str) -> None:
        """What events say of the store from now on."""

    async def use_policy(self, name: str) -> None:
        """Return when the policy is in force."""

    async def add(self, servers: Mapping[str, str]) -> None:
        """These get requests from now on: name -> address."""

    async def readdress(self, name: str, address: str) -> None:
        """This server is reached there from the next request on. It keeps its place and its counts; and its users,
        unless the proxy knows them by the address."""

    async def drain(self, name: str) -> None:
        """It gets no new users; a sticky policy still brings its own users back where the proxy can do both."""

    async def undrain(self, name: str) -> None:
        """Undo `drain`."""

    async def remove(self, name: str, wait: bool = False) -> None:
        """It gets no more requests. With `wait`: return when its running ones are over, too."""

    async def reload(self) -> None:
        """Read the configuration again, which has not changed: what an operator does after a new certificate."""

    async def mark(self, **event: Any) -> None:
        """Put an event on the feed; `kind` is "mark" and `time` is now unless given."""

    def events(self, state: bool = False) -> AsyncGenerator[dict[str, Any], None]:
        """The feed from now on; with `state` the first event is the state at that very moment."""
