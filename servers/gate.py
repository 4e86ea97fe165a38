"""Lets requests pass until somebody needs everybody out for a moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Open: passing costs a counter. Shut: newcomers wait outside, and shutting waits for those inside."""

    def __init__(self) -> None:
        self.inside = 0
        self._opened: asyncio.Event | None = None  # there while shut
        self._empty: asyncio.Event | None = None  # there while somebody waits for it

    async def enter(self) -> None:
        while self._opened is not None:
            await self._opened.wait()
        self.inside += 1

    def leave(self) -> None:
        self.inside -= 1
        if self.inside == 0 and self._empty is not None:
            self._empty.set()

    @asynccontextmanager
    async def shut(self, patience: float) -> AsyncIterator[None]:
        """Raises TimeoutError when those inside take longer than `patience` seconds; then it is open again."""
        if self._opened is not None:
            raise RuntimeError("the gate is shut already")
        self._opened = asyncio.Event()
        try:
            if self.inside:
                self._empty = asyncio.Event()
                async with asyncio.timeout(patience):
                    await self._empty.wait()
            yield
        finally:
            opened, self._opened, self._empty = self._opened, None, None
            opened.set()
