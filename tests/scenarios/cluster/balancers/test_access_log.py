"""The access log of another proxy, while it is written."""

import os
from pathlib import Path

from scenarios.cluster.balancers.access_log import Tail, event
from scenarios.events import complaint


def test_whole_lines_in_order_and_each_once(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "log")
    with open(tmp_path / "log", "ab", buffering=0) as log:
        log.write(b"one\ntw")
        assert list(tail.lines()) == [b"one"]
        log.write(b"o\nthree\n")
        assert list(tail.lines()) == [b"two", b"three"]
    assert list(tail.lines()) == []
    tail.close()


def test_what_was_read_takes_no_room(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = Tail(path)
    with open(path, "ab", buffering=0) as log:
        for _ in range(8):
            log.write(b"x" * 99_999 + b"\n" * 100_001)
            list(tail.lines())
        log.write(b"last\n")
    assert path.stat().st_size > 1_600_000
    os.sync()
    assert path.stat().st_blocks * 512 < 50_000
    assert list(tail.lines()) == [b"last"]
    tail.close()


def test_a_line_becomes_an_event_as_our_own_balancer_tells_it() -> None:
    line = {
        "time": 1_700_000_000.25, "user": "ravi", "method": "GET", "path": "/cart", "host": "shop", "sent": "abc",
        "cookie": 14, "status": 200, "duration": 0.004, "server": "10.0.0.1:80", "outcome": "hit",
        "age": "12.5 3.0", "received": "",
    }  # fmt: skip
    told = event(line, "server-1", "round_robin", "redis")
    assert complaint(told) is None
    assert (told["sent"], told["received"]) == ("ba7816bf8f01", None), "SHA-256 of abc, as FIPS 180 has it"
    assert (told["age"], told["idle"], told["cookie_bytes"], told["outcome"]) == (12.5, 3.0, 14, "hit")


def test_what_is_empty_was_not_there() -> None:
    bare = {"time": 1.0, "method": "GET", "path": "/", "status": 502, "duration": 0.1, "outcome": "", "age": ""}
    told = event(bare, None, "random", None)
    assert complaint(told) is None
    assert [told[name] for name in ("user", "sent", "outcome", "age", "idle", "server")] == [None] * 6
