"""Servers that start together on one new SQLite file."""

import multiprocessing
import multiprocessing.synchronize
from pathlib import Path

import pytest

from servers.orders import Orders, ShopFailed

SERVERS = 6
FILES = 150


def open_all(together: "multiprocessing.synchronize.Barrier", folder: Path, told: "multiprocessing.Queue[int]") -> None:
    failed = 0
    for number in range(FILES):
        together.wait(30)
        try:
            Orders(str(folder / f"{number}.db")).close()
        except ShopFailed:
            failed += 1
    told.put(failed)


@pytest.mark.slow
def test_all_of_them_open_it(tmp_path: Path) -> None:
    """They turn each file to WAL mode in the same moment: without the second try some ten in a thousand fail."""
    spawn = multiprocessing.get_context("spawn")
    together, told = spawn.Barrier(SERVERS), spawn.Queue()
    servers = [spawn.Process(target=open_all, args=(together, tmp_path, told)) for _ in range(SERVERS)]
    for server in servers:
        server.start()
    failed = [told.get(timeout=60) for _ in servers]
    for server in servers:
        server.join()
    assert failed == [0] * SERVERS
