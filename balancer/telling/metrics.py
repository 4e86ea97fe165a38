"""What Prometheus is told (text exposition format 0.0.4): names, and where their numbers are in the state. Pure.

Rates are Prometheus' work: the logout rate is rate(balancer_logouts_total[5m]) / rate(balancer_sessions_total[5m]).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from balancer.http1 import OUTCOMES

State = dict[str, Any]

CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
MOVED = ("gone", "drained", "down", "failed", "rehashed", "expired", "bad_cookie")
"""Why users are moved (policies/)."""
TURNED_AWAY = (
    "too many connections", "no PROXY header", "no TLS", "no common protocol", "the handshake failed", "too slow",
    "gone",
)  # fmt: skip
"""Why connections end before a request can come (front.py, arrival.py)."""


class Metric(NamedTuple):
    """`numbers` finds its one number in the state, or with `label` one for each of that label's values. Those that are
    `known` are told from the start on, as 0: rate() would not see a counter's first step from nothing to 1."""

    kind: str
    meaning: str
    numbers: Callable[[State], Any]
    label: str = ""
    known: tuple[str, ...] = ()


OF_ALL = {
    "balancer_requests_total": Metric("counter", "Requests answered, by anybody.", lambda b: b["totals"]["requests"]),
    "balancer_responses_total": Metric(
        "counter", "Answers by class of status.", lambda b: b["totals"]["statuses"], "class", CLASSES
    ),
    "balancer_sessions_total": Metric(
        "counter",
        "Requests that carried a session ID, and whose answer told an outcome.",
        lambda b: b["totals"]["with_session"],
    ),
    "balancer_logouts_total": Metric(
        "counter", "Of those, answered as if by a stranger.", lambda b: b["totals"]["logged_out"]
    ),
    "balancer_outcomes_total": Metric(
        "counter", "What became of sessions.", lambda b: b["totals"]["outcomes"], "outcome", OUTCOMES
    ),
    "balancer_errors_total": Metric("counter", "Failures to serve a request.", lambda b: b["totals"]["errors"]),
    "balancer_retried_total": Metric(
        "counter",
        "Times that a request was tried once more, with another backend or the same.",
        lambda b: b["totals"]["retried"],
    ),
    "balancer_moved_total": Metric(
        "counter", "Users who were moved to another backend, and why.", lambda b: b["totals"]["moved"], "reason", MOVED
    ),
    "balancer_turned_away_total": Metric(
        "counter",
        "Connections beyond max-connections, and those that ended before their PROXY header or TLS handshake did.",
        lambda b: b["turned_away"],
        "reason",
        TURNED_AWAY,
    ),
    "balancer_connections": Metric("gauge", "Open client connections.", lambda b: b["connections"]),
    "balancer_policy": Metric("gauge", "1 for the policy in force.", lambda b: {b["policy"]: 1}, "policy"),
}
"""Of the whole balancer: its counters are never reset while it runs."""

OF_EACH = {
    "balancer_backend_requests_total": Metric("counter", "Requests answered.", lambda b: b["requests"]),
    "balancer_backend_responses_total": Metric(
        "counter", "Answers by class of status.", lambda b: b["statuses"], "class", CLASSES
    ),
    "balancer_backend_sessions_total": Metric(
        "counter",
        "Requests that carried a session ID, and whose answer told an outcome.",
        lambda b: b["with_session"],
    ),
    "balancer_backend_logouts_total": Metric(
        "counter", "Of those, answered as if by a stranger.", lambda b: b["logged_out"]
    ),
    "balancer_backend_outcomes_total": Metric(
        "counter", "What became of sessions.", lambda b: b["outcomes"], "outcome", OUTCOMES
    ),
    "balancer_backend_errors_total": Metric("counter", "Failures to serve a request.", lambda b: b["errors"]),
    "balancer_backend_retried_total": Metric(
        "counter", "Requests that it did not answer, and that were tried once more.", lambda b: b["retried"]
    ),
    "balancer_backend_moved_total": Metric(
        "counter", "Users who were moved to it, and why.", lambda b: b["moved"], "reason", MOVED
    ),
    "balancer_backend_share": Metric(
        "gauge", "What it gets of its weight: below 1 while a slow start lasts.", lambda b: b["share"]
    ),
    "balancer_backend_in_flight": Metric("gauge", "Requests under way.", lambda b: b["in_flight"]),
    "balancer_backend_healthy": Metric("gauge", "1 if it may get requests.", lambda b: int(b["healthy"])),
    "balancer_backend_draining": Metric("gauge", "1 if it gets no new users.", lambda b: int(b["draining"])),
}
"""Of each backend (label `backend`): its counters begin anew when it is removed and comes back."""


def exposition(state: State) -> Iterator[str]:
    """Lines of text, each with its end."""
    for name, metric in OF_ALL.items():
        yield from _announced(name, metric)
        yield from _samples(name, metric, state, {})
    for name, metric in OF_EACH.items():
        yield from _announced(name, metric)
        for backend in state["backends"]:
            yield from _samples(name, metric, backend, {"backend": backend["name"]})


def _announced(name: str, metric: Metric) -> Iterator[str]:
    yield f"# HELP {name} {metric.meaning}\n# TYPE {name} {metric.kind}\n"


def _samples(name: str, metric: Metric, state: State, labels: Mapping[str, str]) -> Iterator[str]:
    found = metric.numbers(state)
    for value, number in (dict.fromkeys(metric.known, 0) | found).items() if metric.label else [("", found)]:
        named = {**labels, metric.label: value} if metric.label else labels
        told = ",".join(f'{label}="{_escaped(text)}"' for label, text in named.items())
        yield f"{name}{{{told}}} {number}\n" if told else f"{name} {number}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
