"""The `lab status` answer, put together from what the balancer and the servers say.   [pure]"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

COUNTED = ("requests", "with_session", "logged_out")


@dataclass(frozen=True)
class Change:
    """What was done to the cluster last, when (Unix, seconds), and the balancer's totals at that moment."""

    what: str
    detail: str
    time: float
    totals: Mapping[str, Any]

    def since(self, totals: Mapping[str, Any]) -> dict[str, Any]:
        """What was counted from then on."""
        counts = {key: totals[key] - self.totals[key] for key in COUNTED}
        about = {"what": self.what, "detail": self.detail, "time": self.time}
        return {**about, **counts, "logout_rate": logout_rate(counts)}


def logout_rate(counts: Mapping[str, Any]) -> float | None:
    """Answers to strangers that had shown a session ID, over all requests that showed one."""
    shown = counts["with_session"]
    return counts["logged_out"] / shown if shown else None


def health(server: Mapping[str, Any], backend: Mapping[str, Any]) -> str:
    """up, slow, draining, down, paused or partitioned; a process that is not there is down."""
    trouble: str = server["trouble"]
    if server["pid"] is None:
        return "down"
    if trouble in ("paused", "partitioned"):  # also before the balancer has found out
        return trouble
    if not backend.get("healthy"):
        return "down"
    return "draining" if backend["draining"] else trouble or "up"


def errors(backend: Mapping[str, Any]) -> int:
    """Requests that it failed: answered with 5xx, or not at all."""
    found: int = backend.get("errors", 0) + backend.get("statuses", {}).get("5xx", 0)
    return found


def status(
    url: str, store: str, law: float, balancer: Mapping[str, Any], servers: Sequence[Mapping[str, Any]], change: Change
) -> dict[str, Any]:
    """`servers` hold name, address, pid (None: not running), paused, sessions and cpu, in the order to show them; `law`
    is the logout rate that theory gives those who serve."""
    totals = balancer["totals"]
    backends = {backend["name"]: backend for backend in balancer["backends"]}
    rows = []
    for server in servers:
        backend = backends.get(server["name"], {})
        rows.append(
            {key: server[key] for key in ("name", "address", "pid", "sessions", "cpu")}
            | {
                "healthy": server["pid"] is not None and backend.get("healthy", False),
                "health": health(server, backend),
                "requests": backend.get("requests", 0),
                "outcomes": backend.get("outcomes", {}),
                "errors": errors(backend),
            }
        )
    return {
        "url": url,
        "policy": balancer["policy"],
        "store": store,
        **{key: totals[key] for key in COUNTED},
        "logout_rate": logout_rate(totals),
        "theory_rate": law,
        "since": change.since(totals),
        "servers": rows,
    }


def as_it_stands(
    store: str, law: float, balancer: Mapping[str, Any], servers: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The event `begin`: what `status` says, in the terms in which feeds are folded."""
    backends = {backend["name"]: backend for backend in balancer["backends"]}
    rows = []
    for server in servers:
        backend = backends.get(server["name"], {})
        rows.append(
            {
                "name": server["name"],
                "health": health(server, backend),
                "slow": server["trouble"] == "slow",  # also while something worse is said of it
                "requests": backend.get("requests", 0),
                "known": backend.get("outcomes", {}).get("hit", 0),
                "unknown": backend.get("logged_out", 0),
                "errors": errors(backend),
            }
        )
    counts = {key: balancer["totals"][key] for key in COUNTED}
    setting = {"store": store, "policy": balancer["policy"], "theory_rate": law}
    return {"kind": "begin", "time": balancer["time"], **setting, **counts, "servers": rows}
