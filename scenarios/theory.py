"""Closed-form laws, printed beside every measurement. Pure: numbers in, numbers out.

Throughout, N equal servers each keep their own logbook, and every request is routed to a uniformly random
server, independently of what went before. Strict round robin shared by many unsynchronised users comes to the
same for each single user, because an unpredictable number of other people's requests lies between two of theirs.
"""

import math


def keep_law(servers: int) -> float:
    """Share of the requests carrying an ID that are answered as a stranger: 1 - 1/N.

    Derivation: an ID is known to exactly one server, its home. A request that carries it reaches the home with
    probability 1/N, whatever happened before. With `keep` the browser never loses the cookie, so every request
    after the login carries an ID and this is also the share of page views. With `clear` and `replace` the law
    still holds for the requests that do carry an ID, since each of those was issued by exactly one server too.
    """
    _check(servers)
    return 1 - 1 / servers


def replace_law(servers: int, views: int) -> float:
    """Share of V page views after a login that are answered as a stranger: 1 - (1/V) * sum(N^-i, i=1..V).

    Derivation: with `clear` and `replace` the first miss takes the member's ID out of the browser for good. View
    i is answered as a member only if views 1..i all reached the home: probability N^-i. Sum the expected member
    views, divide by V, take the complement. For N >= 2 it tends to 1 as V grows, while `keep` stays at 1 - 1/N.
    """
    _check(servers)
    if views < 1:
        raise ValueError(f"views must be at least 1, not {views}")
    return 1 - sum((1 / servers) ** i for i in range(1, views + 1)) / views


def lost_with_server(servers: int) -> float:
    """Expected share of users logged out when one of N sticky servers dies: 1/N, its share of the logbooks."""
    _check(servers)
    return 1 / servers


def lost_by_scale_in(before: int, after: int) -> float:
    """Expected share of users logged out when sticky servers go from `before` to `after`: 1 - after/before."""
    _check(before)
    _check(after)
    return max(0.0, 1 - after / before)


def tries_until_known(servers: int, miss: float = 0.01) -> int:
    """How often to show the same ID again before calling it lost for good.

    Derivation: an ID alive on one of N servers stays unknown for k tries with probability (1 - 1/N)^k; the
    smallest k with (1 - 1/N)^k <= miss is ceil(ln(miss) / ln(1 - 1/N)). At one server a single try decides.
    """
    _check(servers)
    if servers == 1:
        return 1
    return math.ceil(math.log(miss) / math.log(1 - 1 / servers))


SPREADING = frozenset({"round_robin", "random", "least_busy", "two_choices"})
"""Policies that send a user's next request to any server; the others bring users back to the same one."""


def steady_rate(servers: int, store: str, policy: str) -> float:
    """The logout rate a cluster settles at, of the requests that carry an ID, once everybody has logged in again.

    A shared store, or a policy that brings users back to their server: 0. Logbooks of the servers' own behind a
    policy that spreads requests: `keep_law`.
    """
    return keep_law(servers) if store == "memory" and policy in SPREADING else 0.0


def lockstep_round_robin(servers: int, users: int, steps: int) -> float:
    """Logout rate of K users who move in lockstep under strict round robin, over visits of `steps` requests.

    A trap, not a law of the incident: when K users take turns strictly, a user's j-th request after the login
    lands j*K servers further on, and is home when N divides j*K: at every m-th step, m = N / gcd(N, K). Of the
    S - 1 requests after the login, floor((S-1)/m) come home. With K a multiple of N, m = 1: nobody is ever
    logged out and the rate reads 0, with the very fault that logs out 1 - 1/N of unsynchronised users.
    """
    _check(servers)
    if users < 1 or steps < 2:
        raise ValueError("lockstep needs at least one user and two steps, the login among them")
    cycle = servers // math.gcd(servers, users)
    after_login = steps - 1
    return 1 - (after_login // cycle) / after_login


def _check(servers: int) -> None:
    if servers < 1:
        raise ValueError(f"servers must be at least 1, not {servers}")
