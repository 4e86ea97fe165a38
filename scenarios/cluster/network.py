"""The network between the balancer and a server: taken away, or made slow.

Taken away, the server lives and obeys the lab, and no packet of a user reaches it. To the balancer
that is silence: connecting times out and is not refused, what it sends over open connections is not answered, and
nobody says why. A process drops its packets itself (servers/off_the_network.py), a container leaves the network.

Slow, a relay stands between the two while it lasts (relay.py). It costs nothing before and after. The balancer reaches
the server at the relay's address (`readdress`) and knows it as the same: nobody is moved, no count begins anew.
"""

import signal
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from scenarios.cluster.balancers.base import Balancer
from scenarios.cluster.children import Children
from scenarios.cluster.lag import Lag
from scenarios.cluster.server import Server
from scenarios.errors import LabError

DRAINS_WITHIN = 5.0
"""Seconds for the requests that are under way over a relay, when it is to go. Our balancer lets go of connections at
rest by itself; others may keep them for minutes."""


class Network:
    """Of one cluster. Every method raises LabError."""

    def __init__(self, folder: Path, children: Children, balancer: Balancer) -> None:
        self._folder = folder
        self._children = children
        self._balancer = balancer

    async def partition(self, server: Server) -> None:
        if server.paused:  # and could not do as it is told
            raise LabError(f"{server.name} is paused: resume it first (lab resume {server.name})")
        if server.relay is not None:
            raise LabError(f"the network of {server.name} is slow: mend it first (lab reconnect {server.name})")
        await server.child.disconnect(server.control)
        server.partitioned = True

    async def slow(self, server: Server, lag: Lag) -> None:
        """One that is slow already becomes as slow as this."""
        if server.partitioned:
            raise LabError(f"{server.name} is cut off: reconnect it first (lab reconnect {server.name})")
        host, _, port = server.address.rpartition(":")
        name = f"relay-{server.name}"
        way = {"listen": "127.0.0.1:0", "host": host, "port": int(port), "lag": asdict(lag), "seed": server.name}
        relay = self._children.fork("relay", name, way)
        before, server.relay = server.relay, relay
        try:
            address = await relay.until_ready(self._folder / f"{name}.log", self._children.ready_within)
            await self._balancer.readdress(server.name, address)
        except BaseException:
            server.relay = before
            await relay.end(signal.SIGKILL, DRAINS_WITHIN)
            raise
        finally:
            if not server.running:  # it was killed meanwhile
                await self.forget(server)
        if before is not None:
            await before.end(signal.SIGTERM, DRAINS_WITHIN)

    async def mend(self, server: Server) -> None:
        """Undo both. A network that is whole stays as it is."""
        if server.partitioned:
            if server.paused:
                raise LabError(f"{server.name} is paused: resume it first (lab resume {server.name})")
            await server.child.reconnect(server.control)
            server.partitioned = False
        if server.relay is not None:
            await self._balancer.readdress(server.name, server.address)
            relay, server.relay = server.relay, None
            await relay.end(signal.SIGTERM, DRAINS_WITHIN)

    async def forget(self, server: Server) -> None:
        """The server has ended, and so does what stood in its way."""
        server.partitioned = False
        relay, server.relay = server.relay, None
        if relay is not None:
            with suppress(LabError):
                await relay.end(signal.SIGKILL, DRAINS_WITHIN)
