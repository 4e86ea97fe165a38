"""Making a SQLite file that several servers open at once."""

import sqlite3
import time

AGAIN = 0.01  # seconds
PATIENCE = 15.0
"""Seconds for a file to be made: on a busy disk each of several servers may write for seconds."""


def set_up(database: sqlite3.Connection, schema: str) -> None:
    """Run the statements that make it what it is. SQLite waits for no lock while a file turns to WAL mode, so that of
    servers that start together on a new file all but one would be told "database is locked": they try again, for
    PATIENCE seconds. Raises sqlite3.Error."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            database.executescript(schema)
            return
        except sqlite3.OperationalError as failure:
            busy = failure.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # the rest says busy with what
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(AGAIN)
