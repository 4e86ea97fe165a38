"""What a cluster can do, whoever runs it: local processes, another lab's process, containers.

Every method raises LabError when it cannot do what was asked; its message says what to do next.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from scenarios.cluster.processes import ProcessCluster


class Cluster(Protocol):
    """A balancer, servers behind it, and a session store. Servers are named server-1, server-2, ..."""

    @property
    def url(self) -> str:
        """Where users go, such as http://127.0.0.1:8080."""

    def names(self) -> list[str]:
        """Every server the cluster has, also those killed or paused."""

    async def state(self) -> dict[str, Any]:
        """{url, behind (one of BALANCERS), policy, store, requests, with_session, logged_out, logout_rate, theory_rate,
        since: {what, detail, time, requests, with_session, logged_out, logout_rate}, servers: [{name, address, pid,
        healthy, health, requests, sessions, cpu (seconds so far), outcomes, errors}]}.

        Counts are from the start on, those in `since` from the last change on (a switch, scale, kill, drain, ...).
        `logout_rate` and `pid` are None when there is none; `theory_rate` is for the cluster as it stands. `health` is
        up, slow, draining, down, paused or partitioned. A lab that `lab up` runs also says how many `users` it has and
        who is `playing`.
        """

    async def logbooks(self, limit: int = 20) -> dict[str, Any]:
        """What is written down now: {logbooks: [{name, store, servers, sessions, entries: [{id (shortened), hash (as
        in the feed), user, age, idle}], trouble}]}. Each server's own, or a shared store's once, with all `servers`
        who read it; the `limit` entries that were seen last, times in seconds. `trouble` is None, or why there are no
        entries ("paused", "not running", ...); `sessions` counts all entries and is None then."""

    async def counters(self) -> dict[str, Any]:
        """The balancer's totals since it started; servers that are gone are still counted."""

    async def switch(
        self, store: str | None = None, policy: str | None = None, migrate: bool = False
    ) -> dict[str, Any]:
        """Change the store or the policy under traffic; `migrate` carries the sessions over. {"moved": sessions}."""

    async def scale(self, servers: int) -> None:
        """Have this many servers: new ones serve once they answer, the last ones finish their work and go."""

    async def kill(self, server: str) -> None:
        """End it without warning (SIGKILL); the balancer finds out by itself."""

    async def pause(self, server: str) -> None:
        """Freeze it: its connections stay open and nothing answers."""

    async def resume(self, server: str) -> None:
        """Undo `pause`."""

    async def partition(self, server: str) -> None:
        """Take its network away: it lives, and the balancer and its users do not reach it. Connecting times out, open
        connections go silent. The lab still reaches it, and it its store: unless that, too, is at the other end of its
        network, as PostgreSQL is in containers."""

    async def slow(self, server: str, delay: float, jitter: float = 0.0, rate: int = 0) -> None:
        """Make its network slow: see `Lag` for the numbers. Again replaces them."""

    async def reconnect(self, server: str) -> None:
        """Undo `partition` and `slow`; a new process (`restart`) has a network that is whole, too."""

    async def drain(self, server: str) -> None:
        """It gets no new users; running requests go on, and a sticky policy still brings its own users back."""

    async def undrain(self, server: str) -> None:
        """Undo `drain`; `restart` does, too."""

    async def restart(self, server: str) -> None:
        """A new process under the same name; a living one finishes its work first."""

    async def stop_store(self, hang: bool = False) -> None:
        """Make the shared store refuse connections, or with `hang` accept them and never answer."""

    async def start_store(self) -> None:
        """Undo `stop_store`: the store is back with what it held."""

    async def need(self, store: str) -> None:
        """Return when a switch to this store would find it there; start it if it is the lab's own."""

    async def mark(self, **event: Any) -> None:
        """Put an event on the feed; `kind` is "mark" and `time` is now unless given."""

    def events(self, begin: bool = False) -> AsyncIterator[dict[str, Any]]:
        """The balancer's feed from now on, without an end. With `begin` the first event (kind "begin") says how the
        cluster stands at this very moment: whoever adds up what follows has what `state` says."""

    async def store_calls(self) -> AsyncGenerator[dict[str, Any], None]:
        """What the servers there are now ask of their logbooks, from this call on (servers/store_calls.py); each call
        also says `server` and `store`. Close it, or servers go on telling."""

    async def stop(self) -> None:
        """End everything and leave nothing behind."""


@dataclass(frozen=True)
class ClusterKind:
    """One line of the CLUSTERS table. The module is imported when a cluster is started: the table costs nothing."""

    where: str  # MODULE:FUNCTION
    summary: str
    preparing: str = ""  # MODULE:FUNCTION

    async def prepare(self) -> None:
        """What takes long the first time and tells so on stderr, line by line: to be called before a board is shown.
        Raises LabError."""
        if self.preparing:
            await resolve_name(self.preparing)()

    async def start(self, folder: Path, **options: Any) -> "ProcessCluster":
        """See `ProcessCluster.start`."""
        cluster: ProcessCluster = await resolve_name(self.where)(folder, **options)
        return cluster
