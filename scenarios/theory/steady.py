"""The logout rate that a cluster settles at, for any store, policy, answer to unknown IDs and number of servers."""

from scenarios.theory.given import at_least
from scenarios.theory.spreading import keep_law

SPREADING = frozenset({"round_robin", "random", "least_busy", "two_choices"})
"""Policies that send a user's next request to any server; the others bring users back to the same one."""

HOLDS_WHEN = {
    "round_robin": "twice as many users as servers or more, who think (turns.py)",
    "random": "nothing",
    "least_busy": "servers mostly idle, so that it takes turns; under load there is no law",
    "two_choices": "servers mostly idle; under load only two_choices_bounds hold",
    "ip_hash": "users keep their addresses, and as many servers stay up",
    "rendezvous": "users keep their addresses, and the same servers stay up",
    "sticky_cookie": "browsers keep the balancer's cookie, and servers stay up",
}
"""What `steady_rate` takes for granted with each policy while every server has a logbook of its own."""


def steady_rate(servers: int, store: str, policy: str, on_unknown: str = "keep") -> float:
    """The logout rate a cluster settles at, of the requests that carry an ID, once everybody has logged in again.

    A shared store, or a policy that brings users back to their server: 0. Logbooks of the servers' own behind a
    policy that spreads requests: `keep_law`, as far as HOLDS_WHEN says.

    `on_unknown` makes no difference to this rate, though it does to users (`replace_law`, `views_with_id`): an ID that
    a browser shows was issued by one server, be it a member's or, with `replace`, an anonymous one, and misses it
    with probability 1 - 1/N; with `clear` there are fewer such requests, and no other share of them misses.
    Raises ValueError for a policy or an answer that is none: no silent 0 for a misspelt word.
    """
    at_least(1, servers=servers)
    if policy not in HOLDS_WHEN:
        raise ValueError(f"no policy is called {policy!r}; there are {', '.join(HOLDS_WHEN)}")
    if on_unknown not in ("keep", "clear", "replace"):
        raise ValueError(f"on_unknown is keep, clear or replace, not {on_unknown!r}")
    return keep_law(servers) if store == "memory" and policy in SPREADING else 0.0
