"""`lab status`: what it says of a state."""

from typing import Any

from scenarios.commands.status import lines

NOW = 1_700_000_075.0


def server(number: int, **more: Any) -> dict[str, Any]:
    return {
        "name": f"server-{number}", "address": f"127.0.0.1:4{number:04}", "pid": 31_000 + number, "healthy": True,
        "health": "up", "requests": 250, "sessions": 12, "outcomes": {"hit": 20, "unknown": 70, "expired": 5},
        "errors": 0, **more,
    }  # fmt: skip


def state(**more: Any) -> dict[str, Any]:
    since = {"what": "start", "detail": "", "time": NOW - 75, "requests": 900, "with_session": 700, "logged_out": 630}
    return {
        "url": "http://127.0.0.1:40123", "policy": "round_robin", "store": "memory", "behind": "ours", "users": 40,
        "playing": None,
        "requests": 900, "with_session": 700, "logged_out": 630, "logout_rate": 0.9, "theory_rate": 0.9,
        "since": {**since, "logout_rate": 0.9}, "servers": [server(1), server(2)], **more,
    }  # fmt: skip


def test_a_lab_as_it_was_started() -> None:
    assert lines(state(), NOW) == [
        "http://127.0.0.1:40123   2 servers, store memory, round_robin, 40 users",
        "",
        "logged out, of the requests that showed a wristband:",
        "  since the start                  90.0 %  630 of 700",
        "  theory for the lab as it stands  90.0 %",
        "",
        "server     port    pid  health  requests  sessions  known  unknown  errors",
        "server-1  40001  31001  up           250        12     20       75       0",
        "server-2  40002  31002  up           250        12     20       75       0",
    ]


def test_the_rate_since_the_last_change_stands_beside_its_law() -> None:
    since = {"what": "switch", "detail": "redis, sticky_cookie", "time": NOW - 65, "with_session": 50, "logged_out": 0}
    _, _, _, start, changed, theory, *_ = lines(state(since={**since, "logout_rate": 0.0}, theory_rate=0.0), NOW)
    assert start == "  since the start                    90.0 %  630 of 700"
    assert changed == "  since switch redis, sticky_cookie   0.0 %  0 of 50; 1:05 ago"
    assert theory == "  theory for the lab as it stands     0.0 %"


def test_every_health_has_its_word_and_all_fits_80_columns() -> None:
    rows = [
        server(1, health="paused", sessions=None),
        server(2, health="draining", errors=1234),
        server(3, health="down"),
        server(4, health="partitioned"),
        server(5, health="slow"),
        server(100, health="down", pid=None, requests=1_234_567),
    ]
    since = {"what": "store_stopped", "detail": "postgres", "time": NOW - 7200, "with_session": 0, "logged_out": 0}
    playing = {"what": "keeps-logging-out", "since": NOW - 5}
    told = lines(state(servers=rows, since={**since, "logout_rate": None}, playing=playing), NOW)
    assert "keeps-logging-out has been playing for 0:05; the lab's own users rest meanwhile" in told
    assert any(line.startswith("  since store stopped postgres") and " -  0 of 0" in line for line in told)
    words = ["paused", "draining", "down", "cut", "slow", "down"]
    assert [line.split()[3] for line in told[-6:]] == words
    assert max(map(len, told)) <= 80
