"""What one balancer process tells another: the standing orders that a new one begins with, and counters to be added."""

from collections.abc import Iterable
from functools import reduce
from typing import Any

from balancer.pool import Backend
from balancer.state import Balancer

State = dict[str, Any]
KEPT = ("name", "host", "port", "weight", "tls", "healthy", "draining", "leaving", "addresses")
"""What another process has to know of a server."""


def orders(balancer: Balancer) -> State:
    """What has been switched so far, as JSON: policy, labels, servers, and why former servers are gone."""
    return {
        "policy": balancer.policy_name,
        "labels": balancer.labels,
        "backends": [{name: getattr(backend, name) for name in KEPT} for backend in balancer.pool.backends],
        "departed": balancer.pool.available.departed,
    }


def follow(balancer: Balancer, said: State) -> None:
    """Begin where another process stands, as its `orders` tell."""
    backends = [Backend(**row | {"addresses": tuple(row["addresses"])}) for row in said["backends"]]
    balancer.pool.take_over(backends, said["departed"])
    balancer.label(said["labels"])
    balancer.use_policy(said["policy"])


def succeed(balancer: Balancer, said: State) -> None:
    """Begin from new settings after another process: only why servers are gone is remembered."""
    departed = said["departed"] | {row["name"]: "drained" if row["draining"] else "gone" for row in said["backends"]}
    backends = balancer.pool.backends
    here = {backend.name for backend in backends}
    balancer.pool.take_over(backends, {name: why for name, why in departed.items() if name not in here})
    balancer.label(said["labels"])


# Counters


COUNTED = ("connections", "log_dropped", "turned_away")
"""What every worker has of its own, beside `totals` and the servers' counts."""
THE_SAME = ("weight", "draining", "leaving")
"""What is so for all."""


def summed(model: State, states: Iterable[State]) -> State:
    """The state of all workers together. `model` has what is the same for all; `states` are theirs, and what those
    that have ended had counted."""
    states = list(states)
    rows: dict[str, list[State]] = {}
    for state in states:
        for row in state["backends"]:
            rows.setdefault(row["name"], []).append(row)
    backends = []
    for row in model["backends"]:
        theirs = rows.get(row["name"])
        backends.append(reduce(_added, theirs) | {key: row[key] for key in THE_SAME} if theirs else row)
    return {
        **model,
        **{key: reduce(_added, (state[key] for state in states), model[key]) for key in COUNTED},
        "totals": reduce(_added, (state["totals"] for state in states), model["totals"]),
        "backends": backends,
    }


def counted(state: State) -> State:
    """What remains of a worker that has ended: what it counted, not what it was doing."""
    return {
        **state,
        "connections": 0,
        "totals": state["totals"],
        "backends": [row | {"in_flight": 0, "healthy": True} for row in state["backends"]],
    }


def _added(one: Any, other: Any) -> Any:
    """Numbers are added, key by key; what is said holds for both when it does for each; words are the first's
    who has any."""
    if isinstance(one, dict):
        return {key: _added(one[key], other[key]) if key in one and key in other else (one | other)[key]
                for key in one | other}  # fmt: skip
    if isinstance(one, bool):
        return one and other
    return one + other if isinstance(one, int) else one or other
