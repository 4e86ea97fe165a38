"""Load shapes: how many users when, and what the cluster does meanwhile."""

from itertools import pairwise

import pytest

from scenarios.cluster.processes import MOST_SERVERS
from scenarios.shapes import SHAPES, STARTUP_SERVERS, users_at

TIMES = [number / 200 for number in range(201)]


@pytest.mark.parametrize("name", SHAPES)
def test_never_none_and_never_more_than_asked_for(name: str) -> None:
    users = [users_at(SHAPES[name], time, 500) for time in TIMES]
    assert min(users) >= 1
    assert max(users) == pytest.approx(500, rel=0.01)
    assert all(users_at(SHAPES[name], time, 1) == 1 for time in TIMES)


def test_a_startup_grows_by_the_same_factor_in_the_same_time_and_reaches_ten_servers() -> None:
    shape = SHAPES["startup"]
    users = [shape.users(time) for time in TIMES]
    factors = [after / before for before, after in pairwise(users)]
    assert max(factors) == pytest.approx(min(factors))
    assert shape.servers is not None
    servers = [shape.servers(time) for time in TIMES]
    assert (servers[0], servers[-1]) == (1, STARTUP_SERVERS)
    assert servers == sorted(servers)
    assert STARTUP_SERVERS <= MOST_SERVERS


def test_a_spike_is_a_fifth_of_the_run() -> None:
    everybody = [time for time in TIMES if SHAPES["spike"].users(time) == 1]
    assert len(everybody) == pytest.approx(len(TIMES) / 5, abs=1)


def test_a_day_has_two_humps_and_quiet_nights() -> None:
    users = [SHAPES["office-hours"].users(time) for time in TIMES]
    humps = [now for before, now, after in zip(users, users[1:], users[2:], strict=False) if before < now >= after]
    assert len(humps) == 2
    assert users[0] < 0.06 > users[-1]


def test_a_deploy_is_in_the_middle() -> None:
    assert [name for name, shape in SHAPES.items() if shape.restarts_at is not None] == ["deploy"]
    assert SHAPES["deploy"].restarts_at == 0.5
