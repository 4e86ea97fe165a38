"""The `lab status` answer, put together from what the balancer and the servers say.   [pure]"""

from collections.abc import Mapping, Sequence
from typing import Any


def logout_rate(counts: Mapping[str, Any]) -> float | None:
    """Answers to strangers that had shown a session ID, over all requests that showed one."""
    shown = counts["with_session"]
    return counts["logged_out"] / shown if shown else None


def status(url: str, store: str, balancer: Mapping[str, Any], servers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`servers` hold name, address, pid (None: not running) and sessions, in the order to show them."""
    totals = balancer["totals"]
    backends = {backend["name"]: backend for backend in balancer["backends"]}
    return {
        "url": url,
        "policy": balancer["policy"],
        "store": store,
        "requests": totals["requests"],
        "with_session": totals["with_session"],
        "logged_out": totals["logged_out"],
        "logout_rate": logout_rate(totals),
        "servers": [
            dict(server)
            | {
                "healthy": server["pid"] is not None and backends.get(server["name"], {}).get("healthy", False),
                "requests": backends.get(server["name"], {}).get("requests", 0),
                "outcomes": backends.get(server["name"], {}).get("outcomes", {}),
            }
            for server in servers
        ],
    }
