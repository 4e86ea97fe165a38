"""Users placed by a hash of their address: who gets another server, and is logged out there, when servers change.

Hashes are taken as uniform and independent, which is what a share of *addresses* is about: users behind one address
move together, and the lab's own users all come from one unless they are told otherwise.
"""

import math
from collections.abc import Sequence

from scenarios.theory.given import at_least, some_weight


def moved_modulo(before: int, after: int) -> float:
    """Expected share of addresses that `ip_hash` moves from N to M servers: 1 - gcd(N, M) / max(N, M).

    The servers that stay keep their places: new ones come last, and the last ones go.
    Derivation: h stays if h mod N = h mod M. Look at h modulo L = lcm(N, M): for each common remainder
    r < min(N, M) the Chinese remainder theorem gives exactly one h below L, so min(N, M) of L stay, and
    min(N, M) / lcm(N, M) = gcd(N, M) / max(N, M). One server more leaves 1 of N + 1 where they were.
    Any one server dying, not only the last, moves 1 - 1/N too: N and N - 1 have no common factor, so the two places
    of h are independent, and of the N * (N-1) pairs the survivors' own N - 1 stay.
    Source: Graham, Knuth, Patashnik, Concrete Mathematics, 4.7, for the theorem; the rest is ours.
    """
    at_least(1, before=before, after=after)
    return 1 - math.gcd(before, after) / max(before, after)


def moved_rendezvous(before: int, after: int) -> float:
    """Expected share of addresses that `rendezvous` moves from N to M servers: 1 - min(N, M) / max(N, M).

    Derivation: an address belongs to the server with the highest of its N independent scores. Of max(N, M) servers each
    has the highest with the same probability; only addresses whose best is among those that came, or went, move. No
    method can move fewer and stay even; a hash ring comes to the same share with more scatter.
    Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM Trans. Networking 6
    (1998) 1-14; rings: Karger et al., STOC 1997.
    """
    at_least(1, before=before, after=after)
    return 1 - min(before, after) / max(before, after)


def moved_by_weights(before: Sequence[float], after: Sequence[float]) -> float:
    """Expected share of addresses that `rendezvous` moves when weights change; weight 0 is a server that is not there.

    Derivation: the score -w / ln(h) is highest where e/w is lowest, e = -ln(h) exponential with mean 1. Server i is
    best before (weights w) and after (weights v) if e_j > e_i * max(w_j/w_i, v_j/v_i) for every other j; exponential
    times race, so that happens with probability 1 / sum(max(w_j/w_i, v_j/v_i), over all j). Sum over i, take the
    complement. Equal weights give `moved_rendezvous`; one server of weight w leaving a total of W moves w/W.
    Source: Schindelhauer and Schomaker, "Weighted distributed hash tables", SPAA 2005, for the score; the rest is ours.
    """
    some_weight(tuple(before))
    some_weight(tuple(after))
    if len(before) != len(after):
        raise ValueError(
            "weights before and after are of the same servers in the same order, 0 for one that is not there"
        )
    pairs = [(w, v) for w, v in zip(before, after, strict=True) if w or v]
    stay = sum(1 / sum(max(wj / w, vj / v) for wj, vj in pairs) for w, v in pairs if w and v)
    return 1 - stay
