"""What the control channel can ask of a server."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from servers import off_the_network
from servers.config import ConfigError, require_choice
from servers.control import Command, ControlError, Source, Stream
from servers.session import Session, shorten
from servers.sessions import ID_PREFIX
from servers.shop import Shop
from servers.store_calls import StoreCalls, hash_of
from servers.stores import STORES
from servers.stores.base import OpenStore, StoreFailed
from servers.switch import switch

LONGEST_LOGBOOK = 1000  # entries


class Commands:
    """Times in seconds; every refusal is a ControlError with a line that says what to do next."""

    def __init__(self, shop: Shop, store: OpenStore, stop: Callable[[], None]) -> None:
        self.shop = shop
        self.store = store  # the one in force
        self.address = ""
        self._calls = StoreCalls(shop.sessions)
        self._stop = stop
        self._switching = asyncio.Lock()

    def table(self) -> dict[str, Command]:
        return {
            "state": self.state,
            "switch": self.switch,
            "logbook": self.logbook,
            "knows": self.knows,
            "partition": self.partition,
            "reconnect": self.reconnect,
            "shutdown": self.shutdown,
        }

    def streams(self) -> dict[str, Stream]:
        return {"store_calls": self.store_calls}

    async def store_calls(self) -> Source:
        """What is asked of the store from now on: see StoreCalls.listen."""
        return self._calls.listen()

    async def close(self) -> None:
        await self.store.close()

    async def state(self) -> dict[str, Any]:
        """`sessions` is null when the store does not answer; `cpu` is what this process has used so far."""
        shop = self.shop
        sessions: int | None = None
        with suppress(StoreFailed):
            sessions = await self.store.count(ID_PREFIX)
        return {
            "name": shop.config.name,
            "pid": os.getpid(),
            "address": self.address,
            "store": shop.config.store,
            "on_unknown": shop.config.on_unknown,
            "sessions": sessions,
            "requests": shop.requests,
            "outcomes": dict(shop.outcomes),
            "in_flight": shop.in_flight,
            "cpu": time.process_time(),
        }

    async def switch(self, store: str, store_url: str = "", migrate: bool = False) -> dict[str, Any]:
        async with self._switching:
            shop, old = self.shop, self.store
            try:
                require_choice("store", store, STORES)
                new = await STORES[store].open(store_url, shop.config.store_timeout, shop.sessions.clock)
            except (ConfigError, StoreFailed) as problem:
                raise ControlError(f"{problem}; {shop.config.store} stays in force") from problem
            try:
                moved = await switch(shop.sessions, old, new, migrate=migrate)
            except (StoreFailed, TimeoutError) as failure:
                await new.close()
                reason = str(failure) or "requests are still running"
                raise ControlError(f"not switched: {reason}; {shop.config.store} stays in force") from failure
            self._calls.stand_in_front()
            shop.config = replace(shop.config, store=store, store_url=store_url)
            self.store = new
            await old.close()
            return {"moved": moved}

    async def logbook(self, limit: int = 20) -> dict[str, Any]:
        """What a receptionist could read out: {sessions: all there are, entries: the last to be seen first}. An
        entry's `hash` is that of the balancer's feed."""
        sessions: list[Session] = []
        try:
            async for id, data, _ in self.store.all(ID_PREFIX):
                with suppress(ValueError, KeyError, TypeError):
                    sessions.append(Session.from_bytes(id, data))
        except StoreFailed as failure:
            raise ControlError(f"the store does not answer: {failure}") from failure
        sessions.sort(key=lambda session: session.last_seen, reverse=True)
        now = self.shop.sessions.clock()
        return {
            "sessions": len(sessions),
            "entries": [
                {
                    "id": shorten(session.id),
                    "hash": hash_of(session.id),
                    "user": session.user,
                    "age": round(now - session.created, 3),
                    "idle": round(now - session.last_seen, 3),
                }
                for session in sessions[: min(limit, LONGEST_LOGBOOK)]
            ],
        }

    async def knows(self, ids: list[str]) -> dict[str, Any]:
        """Which of these IDs would be a hit here."""
        try:
            answers = await asyncio.gather(*(self.shop.sessions.load(id) for id in ids))
        except StoreFailed as failure:
            raise ControlError(f"the store does not answer: {failure}") from failure
        return {"known": [id for id, (outcome, _) in zip(ids, answers, strict=True) if outcome == "hit"]}

    async def partition(self) -> dict[str, Any]:
        """Off the network, but for this channel and the store: see off_the_network.py."""
        try:
            await off_the_network.pull(self.port)
        except OSError as failure:
            off_the_network.plug_in(self.port)
            raise ControlError(f"this system drops no packets ({failure.strerror}): try --cluster docker") from failure
        return {}

    async def reconnect(self) -> dict[str, Any]:
        """Undoes `partition`; one that was never taken off stays as it is."""
        off_the_network.plug_in(self.port)
        return {}

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    async def shutdown(self) -> dict[str, Any]:
        self._stop()
        return {}
