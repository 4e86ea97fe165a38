"""Orders: the shop's own database, shared by all servers. Orders outlive sessions."""

import asyncio
import json
import sqlite3
import threading
from typing import Any

from servers.sqlite_file import set_up

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS placed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    cart TEXT NOT NULL UNIQUE,
    user TEXT NOT NULL,
    items TEXT NOT NULL,
    total INTEGER NOT NULL,
    time REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS placed_user ON placed (user);
"""
COLUMNS = "id, items, total, time"
SHOWN = 50  # newest orders of a user
PATIENCE = 2.0  # seconds to wait while another server writes


class ShopFailed(Exception):
    """The orders' database cannot be read or written now."""


class Orders:
    """Works in threads: a disk may be slow, the event loop may not. Every coroutine raises ShopFailed."""

    def __init__(self, path: str) -> None:
        """`path` of a SQLite file; empty: in memory, for one server alone. Raises ShopFailed."""
        self._turn = threading.Lock()
        try:
            self._db = sqlite3.connect(path or ":memory:", PATIENCE, isolation_level=None, check_same_thread=False)
            set_up(self._db, SCHEMA)
        except sqlite3.Error as failure:
            raise ShopFailed(f"cannot use {path} for the shop's orders: {failure}") from failure

    async def place(self, user: str, cart: str, items: list[dict[str, Any]], total: int, now: float) -> dict[str, Any]:
        """`cart` names this one cart: a checkout that is sent twice gives one order."""
        query = f"""
            INSERT INTO placed (cart, user, items, total, time) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (cart) DO UPDATE SET cart = excluded.cart RETURNING {COLUMNS}
        """
        return (await self._run(query, (cart, user, json.dumps(items), total, now)))[0]

    async def of(self, user: str) -> list[dict[str, Any]]:
        """The newest first."""
        query = f"SELECT {COLUMNS} FROM placed WHERE user = ? ORDER BY id DESC LIMIT {SHOWN}"
        return await self._run(query, (user,))

    def close(self) -> None:
        with self._turn:
            self._db.close()

    async def _run(self, query: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
        def run() -> list[Any]:
            with self._turn:
                return self._db.execute(query, values).fetchall()

        try:
            rows = await asyncio.to_thread(run)
        except sqlite3.Error as failure:
            raise ShopFailed(str(failure)) from failure
        return [{"id": id, "items": json.loads(items), "total": total, "time": time} for id, items, total, time in rows]
