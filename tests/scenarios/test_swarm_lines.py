"""What `lab load` says, and when a bound is broken."""

from argparse import ArgumentTypeError
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any, cast

import pytest

from scenarios.commands.arguments import seconds
from scenarios.felt import Felt
from scenarios.swarm import lines
from scenarios.swarm.locust import Swarm
from scenarios.swarm.run import Show
from scenarios.swarm.stage import Stage
from scenarios.swarm.wanted import Bounds, Load


def told(felt: Felt, p95: int = 20, **more: int) -> dict[str, Any]:
    """The last line of locust's."""
    return {"p50": 10, "p95": p95, "users": 5, "tally": {"servers": {"server-1": asdict(felt)}, "doing": {}, **more}}


@pytest.mark.parametrize(
    ("bounds", "felt", "p95", "said"),
    [
        (Bounds(None, None), Felt(requests=9, with_session=9, logged_out=9), 9999, []),
        (Bounds(0.01, None), Felt(requests=100, with_session=100, logged_out=1), 20, []),
        (Bounds(0.01, None), Felt(requests=99, with_session=99, logged_out=1), 20, ["1.0 % logged out; at most 1.0 %"]),
        (Bounds(0.0, None), Felt(requests=9999, with_session=9999, logged_out=1), 20, ["<0.1 % logged out"]),
        (Bounds(1.0, None), Felt(requests=9), 20, ["nothing was measured: no request carried a session ID"]),
        (Bounds(None, 20), Felt(requests=9), 20, []),
        (Bounds(None, 19.5), Felt(requests=9), 20, ["p95 of 20 ms; at most 19.5 ms were allowed"]),
        (Bounds(None, 100), Felt(requests=9, failed=9), 2, ["nothing was measured: no request was answered"]),
        (Bounds(None, None), Felt(requests=9, somebody_else=1), 20, ["1 page of somebody else"]),
        (Bounds(0.0, 1.0), Felt(requests=9, with_session=9, logged_out=1), 20, ["11.1 % logged out", "p95 of 20 ms"]),
    ],
)
def test_bounds(bounds: Bounds, felt: Felt, p95: int, said: list[str]) -> None:
    found = lines.broken(bounds, told(felt, p95))
    assert len(found) == len(said), found
    for one, beginning in zip(found, said, strict=True):
        assert one.startswith(beginning)


def test_what_was_not_measured_is_not_within_bounds() -> None:
    assert lines.broken(Bounds(0.5, None), None) == ["nothing was measured: nobody has clicked"]
    assert lines.broken(Bounds(None, None), None) == []


def test_a_law_that_does_not_agree_says_what_it_takes_for_granted() -> None:
    felt = Felt(requests=1000, with_session=1000, logged_out=40)
    measured, theory, *why = lines.rate_lines(felt, [0.0, 0.0], "4 servers", "users keep their addresses")
    assert measured == "logged out   4.0 %   40 of 1,000 requests with an ID (95 %: 3.0 to 5.4 %)"
    assert theory == "theory       0.0 %   4 servers"
    assert why == ["           It does not agree. The law holds when users keep their addresses."]
    assert len(lines.rate_lines(felt, [0.04], "", "")) == 2
    assert lines.rate_lines(felt, [0.0, 0.75], "", "")[1] == "theory       0.0 % to 75.0 %   as the cluster changed"
    assert "nobody knows the servers" in lines.rate_lines(felt, [None], "", "")[1]


def test_a_live_line_shows_the_rates_since_the_one_before() -> None:
    before = Felt(requests=100, with_session=100, logged_out=75)
    now = Felt(requests=300, with_session=300, logged_out=75, unavailable=2)
    line = lines.row(65, 2.0, told(now), before, 0.0)
    assert line.split() == ["1:05", "5", "100", "20", "0.0", "%", "0.0", "%", "2"]
    assert len(line) == len(lines.HEAD) <= 80


class Told:
    """A swarm whose users have just been stopped when it tells its last live line."""

    def __init__(self) -> None:
        self.lost: list[str] = []

    async def told(self) -> AsyncIterator[dict[str, Any]]:
        for time, users in ((100.0, 3), (101.0, 5), (102.0, 0)):
            yield {**told(Felt(requests=int(time))), "time": time, "users": users, "requests": int(time)}


async def test_users_who_have_just_been_stopped_did_click() -> None:
    load = Load(5, 5.0, 2.0, 1.0, 1, 0, None, None, None, None)
    said: list[str] = []
    await Show(load, Stage(None, None, 2.0), cast(Swarm, Told()), said.append).until_the_end()
    assert [line.split()[:2] for line in said[1:]] == [["0:02", "5"]]


def test_the_balancer_counts_the_same_or_more() -> None:
    felt = Felt(requests=10, with_session=9, logged_out=3)
    same = {"requests": 10, "with_session": 9, "logged_out": 3}
    assert lines.balancer_line(felt, same, 5) == "balancer   the same to the last one: 10 requests"
    more = lines.balancer_line(felt, {**same, "requests": 12}, 0)
    assert more == "balancer   3 of 9 with a session ID, 12 requests: more than locust knows of"
    told = lines.balancer_line(felt, {**same, "requests": 12}, 5).splitlines()
    assert told[0] == "balancer   3 of 9 with a session ID, 12 requests:"
    assert told[1] == "           the lab's own 5 users clicked too (lab users 0 sends them home)"


def test_tables_fit_and_count_servers_as_people_do() -> None:
    counts = {
        name: asdict(Felt(requests=1_000_000, with_session=1)) for name in ("server-10", "server-9", "", "x" * 40)
    }
    table = lines.table("answered by", counts)
    assert [row.split()[0] for row in table] == ["answered", "(no", "server-9", "server-10", "x" * lines.LONGEST_NAME]
    assert {len(row) for row in table} == {70}


@pytest.mark.parametrize(
    ("text", "said"), [("90", 90), ("20s", 20), ("5m", 300), ("1h30m", 5400), ("1.5", 1.5), ("2m5s", 125)]
)
def test_times_as_locust_has_them(text: str, said: float) -> None:
    assert seconds(text) == said


@pytest.mark.parametrize("text", ["", "s", "20x", "-1", "0s", "1m1", "nan"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"write seconds, or 200ms, 90s|no number above 0"):
        seconds(text)


class Ended:
    """A worker's process, over already."""

    def __init__(self, code: int) -> None:
        self.code = code

    async def wait(self) -> int:
        return self.code


@pytest.mark.parametrize(("code", "lost"), [(0, 0), (1, 1), (-9, 1)])
async def test_a_worker_that_its_master_has_sent_home_is_not_lost(code: int, lost: int) -> None:
    """The master may be slower to end than its workers."""
    swarm = Swarm.__new__(Swarm)
    swarm.ended, swarm.lost = False, []
    await swarm._watch(Ended(code), 1, 2)  # type: ignore[arg-type]
    assert len(swarm.lost) == lost
