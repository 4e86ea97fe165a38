"""Servers come, go and are restarted: who is moved and who is logged out, by the balancer's own policies."""

import math
import random
from collections.abc import Mapping

import pytest

from balancer.pool import Pool
from scenarios import theory
from tests.scenarios.measured import assert_mean, assert_share
from tests.scenarios.picking import pool_of, request, router

ADDRESSES = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(6000)]


def homes(policy: str, pool: Pool) -> dict[str, str]:
    """The server of every address, as the balancer's policy has it."""
    route = router(policy, pool)
    return {address: route(request(address)).backend.name for address in ADDRESSES}


def moved(before: Mapping[str, str], after: Mapping[str, str]) -> int:
    return sum(before[address] != after[address] for address in ADDRESSES)


SCALES = [(1, 2), (2, 3), (3, 2), (4, 6), (4, 8), (10, 11), (10, 5), (5, 5)]


@pytest.mark.parametrize(("before", "after"), SCALES)
def test_modulo_moves_nearly_everybody(before: int, after: int) -> None:
    hashes = range(math.lcm(before, after))
    moves = sum(h % before != h % after for h in hashes)
    assert theory.moved_modulo(before, after) == pytest.approx(moves / len(hashes)), "every hash there is"
    fleets = [homes("ip_hash", pool_of(*[1] * count)) for count in (before, after)]
    rival = theory.moved_rendezvous(before, after)
    law = theory.moved_modulo(before, after)
    assert_share(law, moved(*fleets), len(ADDRESSES), *[rival] * (rival != law))


@pytest.mark.parametrize("died", range(4))
def test_whichever_server_dies_modulo_moves_all_but_one_in_n(died: int) -> None:
    pool = pool_of(1, 1, 1, 1)
    before = homes("ip_hash", pool)
    pool.backends[died].healthy = False
    pool.changed()
    assert_share(theory.moved_modulo(4, 3), moved(before, homes("ip_hash", pool)), len(ADDRESSES), 1 / 4)


@pytest.mark.parametrize(("before", "after"), SCALES)
def test_rendezvous_moves_only_whom_it_must(before: int, after: int) -> None:
    fleets = [homes("rendezvous", pool_of(*[1] * count)) for count in (before, after)]
    law = theory.moved_rendezvous(before, after)
    rival = theory.moved_modulo(before, after)
    assert_share(law, moved(*fleets), len(ADDRESSES), *[rival] * (rival != law))
    ones = [[1] * before + [0] * (max(before, after) - before), [1] * after + [0] * (max(before, after) - after)]
    assert theory.moved_by_weights(*ones) == pytest.approx(law)


@pytest.mark.parametrize(
    ("before", "after"), [((1, 1, 1), (3, 1, 1)), ((5, 2, 1), (5, 2, 4)), ((4, 1, 1), (1, 1, 4)), ((2, 1), (2, 1))]
)
def test_rendezvous_follows_its_weights(before: tuple[int, ...], after: tuple[int, ...]) -> None:
    moves = moved(homes("rendezvous", pool_of(*before)), homes("rendezvous", pool_of(*after)))
    shares = [[weight / sum(weights) for weight in weights] for weights in (before, after)]
    # What an even fleet with new shares could do at best: move the difference. Several changes at once cost more.
    least = sum(max(0.0, new - old) for old, new in zip(*shares, strict=True))
    law = theory.moved_by_weights(before, after)
    assert law >= least - 1e-12
    assert_share(law, moves, len(ADDRESSES), *[law * 1.2] * (law > 0), *[law * 0.8] * (law > 0))


def sticky_users(pool: Pool, count: int) -> list[tuple[str, bytes]]:
    """Users with their server's name and their cookie, placed by the balancer's policy."""
    route = router("sticky_cookie", pool)
    picks = [route(request()) for _ in range(count)]
    assert all(pick.set_cookie for pick in picks)
    return [(pick.backend.name, (pick.set_cookie or b"").split(b";")[0]) for pick in picks]


@pytest.mark.parametrize(
    ("before", "after", "law"),
    [
        (10, "kill", theory.lost_with_server(10)),
        (3, "kill", theory.lost_with_server(3)),
        (10, 7, theory.lost_by_scale_in(10, 7)),
        (4, 1, theory.lost_by_scale_in(4, 1)),
        (4, 10, theory.lost_by_scale_out(4, 10)),
        (4, 4, theory.lost_by_scale_out(4, 4)),
    ],
)
def test_sticky_users_are_lost_with_their_server_and_by_nothing_else(before: int, after: int | str, law: float) -> None:
    """In turn, users are spread exactly evenly, so the expected share is met exactly."""
    pool = pool_of(*[1] * before)
    users = sticky_users(pool, 60 * before)
    if after == "kill":
        pool.backends[before // 2].healthy = False
        pool.changed()
    else:
        fleet = pool_of(*[1] * int(after))
        for backend in pool.backends[int(after) :]:
            pool.remove(backend)
        for backend in fleet.backends[before:]:
            pool.add(backend)
    route = router("sticky_cookie", pool)
    out = sum(route(request(cookie=cookie)).backend.name != home for home, cookie in users)
    assert out / len(users) == pytest.approx(law)


@pytest.mark.parametrize("drained", [0.0, 300.0, 1200.0])
def test_draining_waits_for_visits_to_end(drained: float) -> None:
    """Visits begin and end for a long time; then a server drains, and who is on it when it goes is lost."""
    rng, servers, visit_length, drain_at = random.Random(3), 4, 600.0, 8 * 600.0
    there = lost = 0
    for _ in range(150_000):
        begin = rng.uniform(0, drain_at)
        end, home = begin + rng.expovariate(1 / visit_length), rng.randrange(servers)
        there += end > drain_at
        lost += home == 0 and end > drain_at + drained
    law = theory.lost_with_drained(servers, drained, visit_length)
    assert_share(law, lost, there, 1 / (servers + 1), law * 1.2)
    assert theory.lost_with_drained(servers, 0, visit_length) == theory.lost_with_server(servers)


@pytest.mark.parametrize(("shown", "requests"), [(1, 6), (5, 6), (9, 6), (0, 3)])
def test_how_bad_a_loss_looks_depends_on_the_window(shown: int, requests: int) -> None:
    rng, servers, users = random.Random(11), 5, 20_000
    rows = []
    for _ in range(users):
        left = shown if rng.randrange(servers) == 0 else 0
        strange = 0
        for _ in range(requests):
            strange += left > 0
            left -= 1
        rows.append(strange / requests)
    law = theory.rate_until_login(theory.lost_with_server(servers), shown, requests)
    assert_mean(law, rows, *[1 / servers] * (0 < shown < requests))


@pytest.mark.parametrize("servers", [1, 2, 3, 10])
@pytest.mark.parametrize("moved", [True, False])
def test_a_rolling_restart_logs_everybody_out_and_half_of_them_again(servers: int, moved: bool) -> None:
    rng, rows = random.Random(5), []
    for _ in range(20_000):
        home, losses = rng.randrange(servers), 0
        for restarted in range(servers):
            if home == restarted:
                losses += 1
                if moved and servers > 1:
                    home = rng.choice([other for other in range(servers) if other != restarted])
        rows.append(float(losses))
    law = theory.logouts_by_rolling_restart(servers, moved=moved)
    assert_mean(law, rows, law + 0.1, law - 0.1)
    assert min(rows) == 1
    if moved and servers > 1:
        assert_share(1 / 2, sum(losses > 1 for losses in rows), len(rows))


def test_a_rolling_restart_of_many_servers_tends_to_e_minus_1() -> None:
    assert theory.logouts_by_rolling_restart(10_000) == pytest.approx(math.e - 1, abs=1e-3)
