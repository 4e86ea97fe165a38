"""A lab's network on a Docker Engine, and who has which address on it."""

import hashlib
from collections import deque
from ipaddress import ip_network
from itertools import islice
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError
from docker.models.containers import Container
from docker.models.networks import Network
from docker.types import IPAMConfig, IPAMPool

from scenarios.cluster.containers.engine import LABEL
from scenarios.errors import LabError

MOST_TRIES = 5


class EngineNetwork:
    """The addresses are ours to give. The engine would give that of a server which is cut off to the next who comes:
    users of the one would be sent to the other, and it could not come back to where it was."""

    def __init__(self, engine: docker.DockerClient, network: Network, subnet: str) -> None:
        self.name = str(network.name)
        self._engine = engine
        self._network = network
        self._new = (str(host) for host in islice(ip_network(subnet).hosts(), 1, None))  # the first is the gateway's
        self._given_back: deque[str] = deque()

    @classmethod
    def create(cls, engine: docker.DockerClient, folder: Path) -> "EngineNetwork":
        """Two labs of one name, in two runtime folders, have two.

        The engine takes addresses from us only on networks whose range was chosen: so we let it choose one, and choose
        the same.
        """
        name = f"{LABEL}-{folder.name}-{hashlib.sha256(bytes(folder)).hexdigest()[:6]}"
        named: dict[str, Any] = {"name": name, "labels": {LABEL: str(folder)}, "check_duplicate": True}
        tries = MOST_TRIES
        while True:
            proposed = engine.networks.create(driver="bridge", **named)
            proposed.reload()
            subnet = next(row["Subnet"] for row in proposed.attrs["IPAM"]["Config"] if ":" not in row["Subnet"])
            proposed.remove()
            pool = IPAMPool(subnet=subnet, gateway=str(next(ip_network(subnet).hosts())))
            try:
                network = engine.networks.create(driver="bridge", ipam=IPAMConfig(pool_configs=[pool]), **named)
            except APIError as failure:
                tries -= 1
                if "overlap" not in str(failure) or not tries:  # otherwise somebody else has taken it just now
                    raise
            else:
                return cls(engine, network, subnet)

    def take(self) -> str:
        """An address; the one that nobody has had for the longest time. Raises LabError when there is none."""
        host = next(self._new, "") or (self._given_back.popleft() if self._given_back else "")
        if not host:
            raise LabError("the engine's network has no room for one more container: have fewer servers (lab scale)")
        return host

    def give_back(self, host: str) -> None:
        self._given_back.append(host)

    def at(self, host: str, name: str) -> dict[str, Any]:
        """What a container is told to be there from its start, and found by this name."""
        return {self.name: self._engine.api.create_endpoint_config(aliases=[name], ipv4_address=host)}

    def connect(self, container: Container, host: str) -> None:
        self._network.connect(container, ipv4_address=host)

    def disconnect(self, container: Container, host: str) -> None:
        """What is sent there from now on finds nobody: nothing is refused."""
        self._network.disconnect(container)
