"""Requests spread over servers that keep a logbook each: how often an ID misses the one that knows it.

Throughout, every request is routed to a server drawn by lot, independently of what went before (policy `random`).
Strict round robin shared by many unsynchronised users comes to the same for each single user, because an unpredictable
number of other people's requests lies between two of theirs; turns.py says how many users are many.
"""

import math
from collections.abc import Sequence

from scenarios.theory.given import a_share, at_least, some_weight


def keep_law(servers: int) -> float:
    """Share of the requests carrying an ID that are answered as a stranger: 1 - 1/N.

    Derivation: an ID is known to exactly one server, its home. A request that carries it reaches the home with
    probability 1/N, whatever happened before. With `keep` the browser never loses the cookie, so every request
    after the login carries an ID and this is also the share of page views. With `clear` and `replace` the law
    still holds for the requests that do carry an ID, since each of those was issued by exactly one server too.
    Source: our own derivation; Bernoulli trials (Feller, An Introduction to Probability Theory, vol. 1, ch. VI).
    """
    at_least(1, servers=servers)
    return 1 - 1 / servers


def replace_law(servers: int, views: int) -> float:
    """Share of V page views after a login that are answered as a stranger: 1 - (1/V) * sum(N^-i, i=1..V).

    Derivation: with `clear` and `replace` the first miss takes the member's ID out of the browser for good. View
    i is answered as a member only if views 1..i all reached the home: probability N^-i. Sum the expected member
    views, divide by V, take the complement. For N >= 2 it tends to 1 as V grows, while `keep` stays at 1 - 1/N.
    Source: our own derivation.
    """
    at_least(1, servers=servers, views=views)
    return 1 - sum((1 / servers) ** i for i in range(1, views + 1)) / views


def views_with_id(servers: int, views: int, on_unknown: str) -> float:
    """Share of V page views after a login that carry an ID at all: where `clear` differs from `replace`.

    Derivation: `keep` leaves the ID alone and `replace` hands out another at each miss, so with both every view
    carries one. `clear` takes it away at the first miss: view i carries it if views 1..i-1 all reached the home,
    (1/V) * sum(N^-i, i=0..V-1). A user therefore meets 1 - N^-V logouts a visit with `clear`, and V * (1 - 1/N)
    with the others - while the logout rate, of the requests that carry an ID, is `keep_law` for all three: a
    counter of such requests sees fewer logouts where users suffer as much. Source: our own derivation.
    """
    at_least(1, servers=servers, views=views)
    if on_unknown not in ("keep", "clear", "replace"):
        raise ValueError(f"on_unknown is keep, clear or replace, not {on_unknown!r}")
    return 1.0 if on_unknown != "clear" else sum((1 / servers) ** i for i in range(views)) / views


def weighted_keep_law(weights: Sequence[float]) -> float:
    """Share of the requests with an ID answered as a stranger when server i gets the share p_i: 1 - sum(p_i^2).

    Derivation: the login falls on server i with probability p_i = w_i / sum(w), and so does a later request; they
    meet with probability sum(p_i^2), which Cauchy and Schwarz hold at 1/N or above: unequal weights log out fewer
    people than equal ones. Source: E. H. Simpson, "Measurement of diversity", Nature 163 (1949) 688 - two draws of
    one kind. It takes visits as equally long wherever they began; users who log in again sooner on a light server,
    where they are known less often, bring the rate below this (`keep` only: `replace` and `clear` draw a home anew).
    """
    total = some_weight(tuple(weights))
    return 1 - sum((weight / total) ** 2 for weight in weights)


def two_choices_bounds(servers: int) -> tuple[float, float]:
    """Lowest and highest logout rate that `two_choices` can give: 1 - (2N-1)/N^2 and 1 - 1/N^2.

    Derivation: two servers are drawn by lot, with replacement, and the less busy gets the request. The home gets it
    surely when both draws are the home (1/N^2), never when none is, and depending on who is busy when one is:
    2 * (1/N) * (1 - 1/N). Where the loads say nothing about the home - nobody is busy, or the user has been away
    long enough for all to have changed - half of those cases go home and the rate is `keep_law`. Source: our own
    derivation; the policy is M. Mitzenmacher's, IEEE Trans. Parallel and Distributed Systems 12 (2001) 1094-1104,
    whose laws are about queue lengths and say nothing of coming home.

    `least_busy` has no such law: with nobody busy it takes turns (turns.py), and under load it may do anything. N users
    who begin together and never think, on N servers, are each sent back to the server that their last answer has just
    set free, and nobody is ever logged out; a user whose own home is always the busiest never gets there.
    """
    at_least(1, servers=servers)
    return 1 - (2 * servers - 1) / servers**2, 1 - 1 / servers**2


def tries_until_known(servers: int, miss: float = 0.01) -> int:
    """How often to show the same ID again before calling it lost for good.

    Derivation: an ID alive on one of N servers stays unknown for k tries with probability (1 - 1/N)^k; the
    smallest k with (1 - 1/N)^k <= miss is ceil(ln(miss) / ln(1 - 1/N)). At one server a single try decides.
    Source: the geometric distribution.
    """
    at_least(1, servers=servers)
    a_share(miss=miss)
    if servers == 1:
        return 1
    if miss == 0:
        raise ValueError("miss must be above 0: no number of tries makes sure")
    return max(1, math.ceil(math.log(miss) / math.log(1 - 1 / servers)))
