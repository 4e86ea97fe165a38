"""The gate between the users and the shop."""

import asyncio


class Traffic:
    """Lets users make requests: a budget of them, or as many as they like; nobody is in flight once it has stopped."""

    def __init__(self, budget: float = 0) -> None:
        self.budget = budget
        self.in_flight = 0
        self._open = asyncio.Condition()

    async def turn(self) -> None:
        """Wait until one more request may be made, and count it as in flight."""
        async with self._open:
            await self._open.wait_for(lambda: self.budget > 0)
            self.budget -= 1
            self.in_flight += 1

    async def done(self) -> None:
        async with self._open:
            self.in_flight -= 1
            self._open.notify_all()

    async def allow(self, requests: float) -> None:
        """Open the gate for `requests` more requests (`math.inf`: until `stop`)."""
        async with self._open:
            self.budget = requests
            self._open.notify_all()

    async def settled(self) -> None:
        """Return once the budget is used up and every answer has come."""
        async with self._open:
            await self._open.wait_for(lambda: self.budget == 0 and self.in_flight == 0)

    async def stop(self) -> None:
        await self.allow(0)
        await self.settled()
