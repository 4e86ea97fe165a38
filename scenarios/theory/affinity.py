"""Users who are sent back to the server that knows them (sticky_cookie, soft): what a change of servers costs them.

N servers keep a logbook each, and users are spread over them evenly. A lost user holds an ID that no living server
knows.
"""

import math

from scenarios.theory.given import a_duration, a_share, at_least


def lost_with_server(servers: int) -> float:
    """Expected share of users logged out when one of N sticky servers dies: 1/N, its share of the logbooks.

    Source: our own derivation. The number of lost users is what the server had; with users placed by lot it is
    binomial, K trials of 1/N.
    """
    at_least(1, servers=servers)
    return 1 / servers


def lost_with_drained(servers: int, drained: float, visit: float) -> float:
    """Expected share of users logged out when a server is removed after draining for D seconds: exp(-D/S) / N.

    Derivation: a draining server keeps its users and gets no new ones. When visits last S seconds on average and their
    ends are not foreseeable (exponential), a visit that was going on when the drain began is still going on D seconds
    later with probability exp(-D/S). D = 0 is a killed server. It takes a browser to forget the balancer's cookie at
    the end of a visit; users who never close theirs never leave, and draining saves none of them.
    Source: our own derivation; an exponential time has no memory (Feller, vol. 2, I.3).
    """
    at_least(1, servers=servers)
    a_duration(drained=drained, visit=visit)
    if visit == 0:
        return 0.0 if drained else 1 / servers
    return math.exp(-drained / visit) / servers


def lost_by_scale_in(before: int, after: int) -> float:
    """Expected share of users logged out when sticky servers go from `before` to `after`: 1 - after/before.

    Source: our own derivation; each removed server takes its share along. More servers than before: see
    `lost_by_scale_out`.
    """
    at_least(1, before=before, after=after)
    return max(0.0, 1 - after / before)


def lost_by_scale_out(before: int, after: int) -> float:
    """Share of users logged out when sticky servers become more: none, and nobody is moved either.

    Derivation: the cookie names a server, and that server is still there. Other than with a hash (hashing.py) the
    number of servers does not enter. The price: the new ones stand idle until new users come. Fewer servers than
    before: `lost_by_scale_in`. Source: our own derivation.
    """
    at_least(1, before=before, after=after)
    return lost_by_scale_in(before, after)


def rate_until_login(lost: float, shown: int, requests: int) -> float:
    """Logout rate of a window after a loss, in which every user makes Q requests: lost * min(r, Q) / Q.

    Derivation: a lost user shows the dead ID r times, the login itself among them if it still carries it, and is well
    from then on; the others are never logged out. Just after the loss (Q <= r) the rate is the share of lost users, and
    then it falls like 1/Q: how bad a loss looks depends on the window. Source: our own derivation.
    """
    a_share(lost=lost)
    at_least(0, shown=shown)
    at_least(1, requests=requests)
    return lost * min(shown, requests) / requests


def logouts_by_rolling_restart(servers: int, *, moved: bool = True) -> float:
    """How often a rolling restart of N servers logs each sticky user out, on average.

    Each server forgets once. Users who come back to their own server are logged out once. Users who click while it is
    away are moved, and one who was moved to a server whose turn is still to come is logged out again. With m servers
    still to come, and moves to any of the N - 1 others by lot, L(m) = 1 + (1/(N-1)) * sum(L(i), i=0..m-1), so
    L(m) = (N/(N-1))^m; over all m = 0..N-1 the mean is ((N-1)/N) * ((N/(N-1))^N - 1), which tends to e - 1 = 1.72.
    Everybody is logged out, and half of them again: a first move goes to a server still to come as often as not.
    Source: our own derivation.
    """
    at_least(1, servers=servers)
    if not moved or servers == 1:
        return 1.0
    return (servers - 1) / servers * ((servers / (servers - 1)) ** servers - 1)
