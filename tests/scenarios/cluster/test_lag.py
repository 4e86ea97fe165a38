"""How slow a network can be made, and how that is said."""

from random import Random

import pytest

from scenarios.cluster.lag import Lag
from scenarios.errors import LabError


@pytest.mark.parametrize(
    ("lag", "said"),
    [
        (Lag(0.0), "a delay of 0 ms: choose 1 ms to 60 s"),
        (Lag(-1.0), "a delay of -1000 ms: choose 1 ms to 60 s"),
        (Lag(60.5), "a delay of 60.5 s: choose 1 ms to 60 s"),
        (Lag(float("inf")), "a delay of inf s: choose 1 ms to 60 s"),
        (Lag(float("nan")), "choose 1 ms to 60 s"),
        (Lag(0.1, -0.1), "a jitter of -100 ms: choose 0 to the delay, 100 ms"),
        (Lag(0.1, 0.2), "a jitter of 200 ms: choose 0 to the delay, 100 ms"),
        (Lag(0.1, float("nan")), "choose 0 to the delay, 100 ms"),
        (Lag(0.1, rate=-1), "a rate of -1 bytes a second: choose 1 or more, or 0 for no limit"),
    ],
)
def test_what_no_network_is(lag: Lag, said: str) -> None:
    with pytest.raises(LabError, match=said):
        lag.check()


@pytest.mark.parametrize(
    ("lag", "said"),
    [
        (Lag(0.2), "200 ms"),
        (Lag(1.5), "1.5 s"),
        (Lag(0.0015), "1.5 ms"),
        (Lag(0.2, 0.05), "200 ms +- 50 ms"),
        (Lag(0.2, rate=64_500), "200 ms, 64.5 kB/s"),
    ],
)
def test_in_words(lag: Lag, said: str) -> None:
    lag.check()
    assert str(lag) == said


def test_half_of_it_on_either_way() -> None:
    random = Random(1)
    assert Lag(0.2).one_way(random) == 0.1
    drawn = [Lag(0.2, 0.05).one_way(random) for _ in range(1000)]
    assert 0.075 <= min(drawn) < 0.08
    assert 0.12 < max(drawn) <= 0.125
