"""What the handlers of one server share, its counters, and its closing time."""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from servers.config import ServerConfig
from servers.members import Passwords
from servers.orders import Orders
from servers.sessions import Sessions, Visit


@dataclass
class Shop:
    config: ServerConfig
    sessions: Sessions
    orders: Orders
    passwords: Passwords
    requests: int = 0
    in_flight: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    closing: asyncio.Event | None = None
    """There when the shop closes; set when the last request has been answered."""

    async def close(self, patience: float) -> None:
        """Answers what is running, and tells every keep-alive connection to go; `patience` seconds at most."""
        self.closing = asyncio.Event()
        if self.in_flight:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.closing.wait(), patience)


SHOP = web.AppKey("shop", Shop)


def count(shop: Shop) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        shop.in_flight += 1
        try:
            response = await handler(request)
            if shop.closing is not None:
                response.force_close()
            return response
        finally:
            shop.in_flight -= 1
            if shop.closing is not None and not shop.in_flight:
                shop.closing.set()
            visit: Visit | None = request.get("visit")
            if visit is not None:  # whoever asks for the health or the stylesheet is no visitor
                shop.requests += 1
                shop.outcomes[visit.outcome] += 1

    return middleware
