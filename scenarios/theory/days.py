"""What a day brings: tickets, and requests that meet a store which is away."""

import math
from typing import NamedTuple

from scenarios.felt import WRITES
from scenarios.theory.given import a_duration, a_share, at_least


class Tickets(NamedTuple):
    """Expected tickets a day, and the standard deviation from day to day."""

    mean: float
    spread: float


def tickets_a_day(users: int, visits: float, views: int, rate: float, writes: float = WRITES) -> Tickets:
    """Tickets about logouts: U users, each v visits a day of V views, of which `rate` are answered as a stranger.

    Derivation: n = U*v*V views, each with probability q = rate * writes a logout that somebody writes about. When
    they are independent (requests spread by lot, `keep`) the tickets are binomial: mean n*q, variance n*q*(1-q). When
    the number of views is itself a Poisson number, so are the tickets: variance n*q, the same for small q. With
    `replace` pass `replace_law` as the rate; the mean holds, and the spread is wider, since one user's misses come
    together. Source: the binomial law (Feller, vol. 1, ch. VI); thinning (Kingman, Poisson Processes, 1993, ch. 5).
    `writes`: the share of logouts that are written about; the lab's users write about one in ten.
    """
    at_least(0, users=users, views=views)
    a_share(rate=rate, writes=writes)
    if not (math.isfinite(visits) and visits >= 0):
        raise ValueError(f"visits must be a number a day, 0 or more, not {visits}")
    n, q = users * visits * views, rate * writes
    return Tickets(n * q, math.sqrt(n * q * (1 - q)))


def outage_share(outage: float, window: float, cycle: float = 1.0, cycle_in_outage: float = 1.0) -> float:
    """Share of the requests of a window that meet a store which is away for T of its W seconds.

    `cycle`: seconds from one request of a user to the next, thinking and answer; `cycle_in_outage` likewise while the
    store is away, when an answer may take as long as the store's timeout, or come at once.
    Derivation: users make T/c' requests in the outage and (W-T)/c outside it, give or take one each at its edges, so
    the share is (T/c') / (T/c' + (W-T)/c). With c' = c, or users who come whatever happens, it is T/W. Outages that
    slow users down look smaller in counts of requests than by the clock. Such a request is an honest error (503), not
    a logout: the logout rate of an outage is 0. Source: renewal theory (Feller, vol. 2, ch. XI); for T/W, R. W. Wolff,
    "Poisson arrivals see time averages", Operations Research 30 (1982) 223-231.
    """
    a_duration(outage=outage, window=window, cycle=cycle, cycle_in_outage=cycle_in_outage)
    if not 0 < window >= outage or not (cycle and cycle_in_outage):
        raise ValueError("an outage lies within its window, and a user's cycle takes more than 0 seconds")
    away, there = outage / cycle_in_outage, (window - outage) / cycle
    return away / (away + there)
