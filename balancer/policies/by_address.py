"""What the policies share to which a client's address is all: it is worked out once, and who is moved is noticed."""

from abc import ABC, abstractmethod
from itertools import islice
from typing import TypeVar

from balancer.policies.base import Available, Pick, Request
from balancer.pool import Backend

MOST_CLIENTS = 10_000
"""Addresses remembered, about 2 MiB; beyond that the older half is forgotten."""


class ByAddress(ABC):
    """One server for each address, as long as the servers are the same.

    A client whose server is another one than at its last request is `rehashed`, and counted at that request. That is
    exact as long as no more than MOST_CLIENTS addresses come; whoever has been forgotten counts as new. Users behind
    one address are one client. A second attempt, after a server failed, moves nobody: the next request begins at home.
    """

    def __init__(self) -> None:
        self._seen: Available | None = None
        self._homes: dict[str, Pick] = {}
        self._before: dict[str, str] = {}
        """The servers' names, for clients that have not been here since the last change."""

    @abstractmethod
    def choose(self, available: Available, client: str) -> Backend:
        """Out of `available.new`, which is not empty. Depends on nothing else than these two."""

    def pick(self, available: Available, request: Request) -> Pick | None:
        client = request.client
        if available is self._seen and (home := self._homes.get(client)):
            return home
        if not available.new:
            return None
        chosen = self.choose(available, client)
        if available.tried:
            return chosen.pick
        if available is not self._seen:
            self._seen = available
            self._before.update((known, pick.backend.name) for known, pick in self._homes.items())
            self._before, self._homes = _newer(self._before), {}
        before = self._before.pop(client, chosen.name)
        self._homes[client] = chosen.pick
        self._homes = _newer(self._homes)
        return chosen.pick if before == chosen.name else Pick(chosen, None, "rehashed")

    def why(self, available: Available, request: Request, pick: Pick | None) -> str:
        return f"the address {request.client} belongs there"


_V = TypeVar("_V")


def _newer(clients: dict[str, _V]) -> dict[str, _V]:
    """The newer half, if they are too many."""
    if len(clients) <= MOST_CLIENTS:
        return clients
    return dict(islice(clients.items(), len(clients) - MOST_CLIENTS // 2, None))
