"""How much rest a backend is trusted with, by what it has shown."""

from math import inf

import pytest

from balancer.trust import DOUBT, PROOF, Trust

SHOWN: dict[str, tuple[list[tuple[str, float, float]], float]] = {  # (what, rest or N, at which time), limit after it
    "nothing": ([], 0.0),
    "too little": ([("survived", 0.9, 1)], 0.0),
    "a second": ([("survived", 1.0, 1)], 0.5),
    "the longest counts": ([("survived", 3.0, 3), ("survived", 1.0, 4)], 1.5),
    "a timer of 2 s": ([("survived", 1.9, 2), ("ended", 2.0, 2), ("survived", 1.95, 9), ("ended", 2.1, 9)], 0.975),
    "a timer too short to use": ([("ended", 0.3, 1), ("survived", 0.3, 60), ("ended", 0.3, 60)], 0.0),
    "moods": ([("survived", 4.0, 4), ("ended", 0.01, 4.1)], 0.0),
    "moods, before anything was kept": ([("ended", 0.01, 1), ("survived", 4.0, 5)], 0.0),
    "moods long ago": ([("ended", 0.01, 1), ("survived", 4.0, 1 + DOUBT)], 2.0),
    "moods again": ([("ended", 0.01, 1), ("ended", 0.01, 9), ("survived", 4.0, 12)], 0.0),
    "it says less than it keeps": ([("survived", 4.0, 4), ("announces", 2, 4)], 1.0),
    "it says more than it has kept": ([("survived", 2.0, 4), ("announces", 60, 4)], 1.0),
    "it only says so": ([("announces", 60, 4)], 0.0),
    "it says less than a second": ([("announces", 0, 4), ("survived", 4.0, 4)], 0.0),
}


@pytest.mark.parametrize(("events", "limit"), SHOWN.values(), ids=SHOWN.keys())
def test_what_is_shown_decides(events: list[tuple[str, float, float]], limit: float) -> None:
    trust = Trust()
    for what, seconds, now in events:
        if what == "announces":
            trust.announces(seconds)
        else:
            getattr(trust, what)(seconds, now)
    assert trust.limit == pytest.approx(limit)


def test_who_comes_back_is_a_stranger() -> None:
    trust = Trust()
    trust.survived(4.0, 4)
    trust.forget()
    assert (trust.limit, trust.announced) == (0.0, inf)
    trust.survived(PROOF, 9)
    assert trust.limit == PROOF / 2


def test_we_end_connections_before_the_backend_does() -> None:
    trust = Trust()
    assert trust.at_most(4.0) == 4.0
    trust.announces(2)
    assert trust.at_most(4.0) == 1.5
