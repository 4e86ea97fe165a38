"""Stands for a running lab as the application sees it: writes down what it is asked, and refuses what it is told to."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from textual.strip import Strip

from scenarios.boards.app.app import BoardApp
from scenarios.boards.lines import UNICODE, Glyphs
from scenarios.errors import LabError
from scenarios.folds.fold import Fold
from tests.scenarios.feeds import START, Event, busy

Asked = tuple[Any, ...]


class FakeLab:
    def __init__(self, servers: int = 10) -> None:
        self.asked: list[Asked] = []
        self.refuses: str | None = None
        self.servers = servers
        self.users = 20
        self.gate = asyncio.Event()
        self.gate.set()

    async def state(self) -> dict[str, Any]:
        return {"servers": [{"name": name} for name in self.names()]}

    def names(self) -> list[str]:
        return [f"server-{n}" for n in range(1, self.servers + 1)]

    async def logbooks(self, limit: int) -> dict[str, Any]:
        entries = [
            {
                "id": f"sess_5f{n}k…",
                "hash": f"{n:x}a70c41b29de",
                "user": f"user{n:02}",
                "age": 61.0 * n,
                "idle": 1.5 * n,
            }
            for n in range(limit)
        ]
        book = {"store": "memory", "servers": []}
        return {
            "logbooks": [
                {**book, "name": name, "sessions": 2 * n, "entries": entries[: 2 * n], "trouble": None}
                if n != 1
                else {**book, "name": name, "sessions": None, "entries": [], "trouble": "not running"}
                for n, name in enumerate(self.names())
            ]
        }

    async def _do(self, *asked: Any) -> None:
        self.asked.append(asked)
        await self.gate.wait()
        if self.refuses:
            raise LabError(self.refuses)

    async def kill(self, server: str) -> None:
        await self._do("kill", server)

    async def pause(self, server: str) -> None:
        await self._do("pause", server)

    async def resume(self, server: str) -> None:
        await self._do("resume", server)

    async def partition(self, server: str) -> None:
        await self._do("partition", server)

    async def reconnect(self, server: str) -> None:
        await self._do("reconnect", server)

    async def drain(self, server: str) -> None:
        await self._do("drain", server)

    async def undrain(self, server: str) -> None:
        await self._do("undrain", server)

    async def restart(self, server: str) -> None:
        await self._do("restart", server)

    async def scale(self, servers: int) -> None:
        await self._do("scale", servers)
        self.servers = servers

    async def switch(self, **change: Any) -> dict[str, int]:
        await self._do("switch", change)
        return {"moved": 12}

    async def ask(self, do: str, count: int = 0) -> dict[str, int]:
        if do == "users":
            await self._do("users", count)
            self.users = count
        return {"users": self.users}


async def events(of: list[Event], more: asyncio.Queue[Event | None] | None = None) -> AsyncIterator[Event]:
    """These, then those of the queue; None ends the feed. Without a queue it stays silent, as a living feed may."""
    for event in of:
        yield event
    more = more or asyncio.Queue()
    while (event := await more.get()) is not None:
        yield event


def board(
    lab: FakeLab,
    *,
    fold: Fold | None = None,
    glyphs: Glyphs = UNICODE,
    more: asyncio.Queue[Event | None] | None = None,
) -> BoardApp:
    """The application on a fixed feed, its clock standing still."""
    return BoardApp(
        lab,  # type: ignore[arg-type]
        events(busy(), more),
        fold or Fold(),
        title="Session Lab - lab - http://127.0.0.1:8080",
        clock=lambda: START + 19.8,
        glyphs=glyphs,
    )


def text_of(app: BoardApp) -> str:
    """What stands on the screen, as plain text."""
    return "\n".join(strip.text.rstrip() for strip in strips_of(app)) + "\n"


def strips_of(app: BoardApp) -> list[Strip]:
    return app.shown()._strips
