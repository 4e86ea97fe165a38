"""Strict round robin, followed turn by turn: one user alone, users in lockstep, and K users who think.

Turns are numbered round the circle of N servers, and a user is home whenever the number of turns since the login is a
multiple of N. Everything depends on how many turns other users take in between.
"""

import cmath
import math

from scenarios.theory.given import a_share, at_least


def lockstep_round_robin(servers: int, users: int, steps: int) -> float:
    """Logout rate of K users who move in lockstep under strict round robin, over visits of `steps` requests.

    A trap, not a law of the incident: when K users take turns strictly, a user's j-th request after the login
    lands j*K servers further on, and is home when N divides j*K: at every m-th step, m = N / gcd(N, K). Of the
    S - 1 requests after the login, floor((S-1)/m) come home. With K a multiple of N, m = 1: nobody is ever
    logged out and the rate reads 0, with the very fault that logs out 1 - 1/N of unsynchronised users.
    One user alone is K = 1: every N-th request is home, and no other. Source: our own derivation.
    """
    at_least(1, servers=servers, users=users)
    at_least(2, steps=steps)  # the login among them
    cycle = servers // math.gcd(servers, users)
    after_login = steps - 1
    return 1 - (after_login // cycle) / after_login


def round_robin_home(servers: int, users: int, click: int) -> float:
    """Probability that a user's j-th request after the login comes home, with K users who think for random times.

    Derivation: think times are exponential, all with the same mean, so whoever makes the next request is drawn by lot
    among K. From one of my requests to my next the turn moves on by G places, G geometric with p = 1/K. That is a
    random walk on the circle of N places; its j-th step is back at the start with probability
    (1/N) * sum(phi(r)^j, r=0..N-1), phi(r) = E[w^G] = p*w / (1 - (1-p)*w), w = exp(2 pi i r/N). Source: P. Diaconis,
    Group Representations in Probability and Statistics (1988), ch. 3, for walks on the circle; the rest is ours.

    K = 1 gives 1 at every N-th click and else 0; K large against N gives 1/N at once (`clicks_until_forgotten`).
    """
    at_least(1, servers=servers, users=users, click=click)
    return sum((_step(servers, users, r) ** click).real for r in range(servers)) / servers


def round_robin_law(servers: int, users: int, clicks: int) -> float:
    """Share of C requests after the login answered as a stranger, K users who think: 1 - mean(round_robin_home).

    Below `keep_law` or above it, and the nearer the more users and clicks. Source: see `round_robin_home`.
    """
    at_least(1, servers=servers, users=users, clicks=clicks)
    return 1 - sum(round_robin_home(servers, users, click) for click in range(1, clicks + 1)) / clicks


def clicks_until_forgotten(servers: int, users: int, within: float = 0.01) -> float:
    """After how many clicks, at most, the place of the login is forgotten: home with probability 1/N +- `within`.

    Derivation: |round_robin_home - 1/N| <= (1 - 1/N) * |phi(1)|^j, since phi(1) is the largest of the terms that are
    not 1. |phi(1)| = p / sqrt(1 - 2(1-p)cos(2 pi/N) + (1-p)^2) is near N / (2 pi K) for many of both: with twice as
    many users as servers a click forgets all but 0.08 to 0.14. That is when 1 - 1/N holds for round robin.
    One user alone never forgets: infinity. Think times of the lab's users (0.5 to 1.5 times the mean) forget no slower
    with K >= 2N, by simulation. Think times without any chance, each user having another, never forget, but go through
    all places equally often if they have no common measure: then two users are enough for 1 - 1/N in the long run.
    Source: our own derivation; for the last, H. Weyl, "Über die Gleichverteilung von Zahlen mod. Eins", Math. Annalen
    77 (1916) 313-352.
    """
    at_least(1, servers=servers, users=users)
    a_share(within=within)
    if servers == 1:
        return 0
    if users == 1 or within == 0:
        return math.inf
    furthest = 1 - 1 / servers
    if within >= furthest:
        return 0
    return math.ceil(math.log(within / furthest) / math.log(abs(_step(servers, users, 1))))


def _step(servers: int, users: int, r: int) -> complex:
    """phi(r) of `round_robin_home`."""
    mine, turn = 1 / users, cmath.exp(2j * math.pi * r / servers)
    return mine * turn / (1 - (1 - mine) * turn)
