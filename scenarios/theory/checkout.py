"""A checkout of V views, each of which must be answered as to a member: does it survive?"""

from scenarios.theory.given import a_duration, at_least
from scenarios.theory.steady import steady_rate


def checkout_survives(servers: int, views: int, store: str, policy: str, tries: int = 1) -> float:
    """Probability that V views after the login are all answered as to a member, each shown `tries` times at most.

    A shared store, or users who are sent back to their server: 1. Own logbooks and requests that are spread: each view
    comes home with probability 1/N, all of them with N^-V, and whether the cookie stays (`keep`) makes no difference
    to whom the first miss stops. Who presses reload gets (1 - (1 - 1/N)^t)^V, with `keep` only: after `clear` and
    `replace` the ID that would be known somewhere is gone. Source: our own derivation.
    """
    at_least(0, views=views)
    at_least(1, tries=tries)
    return float(1 - steady_rate(servers, store, policy) ** tries) ** views


def survives_switch(servers: int, before: int, after: int, policy: str, *, migrate: bool, tries: int = 1) -> float:
    """Probability that a checkout survives a switch from memory to a shared store between two of its views.

    Of the views after the login, `before` fall before the switch and `after` behind it. Those before are as in
    `checkout_survives`; those behind all succeed if the sessions were moved along (`migrate`), and none if the new
    store starts empty. Source: our own derivation.
    """
    at_least(0, after=after)
    return checkout_survives(servers, before, "memory", policy, tries) * (1.0 if migrate or not after else 0.0)


def survives_deploy(deploy: float, checkout: float) -> float:
    """Probability that a sticky checkout under way during a rolling restart of memory servers survives: D / (D + d).

    `deploy`: seconds from the first restart to the last, `checkout`: seconds from the login to the last view.
    Derivation: every server restarts once, at some moment of the deploy. A checkout on it is lost if it began less than
    d before that moment, whichever server it is. Checkouts that meet the deploy at all began in a stretch of D + d
    seconds, equally likely anywhere in it, and a stretch of d of these loses. N does not enter, nor the order, nor how
    evenly the restarts are spread: who checks out at a rate of R a second loses R * d checkouts by a deploy, done fast
    or slowly. A shared store loses none. Source: our own derivation.
    """
    a_duration(deploy=deploy, checkout=checkout)
    return 1.0 if checkout == 0 else deploy / (deploy + checkout)
