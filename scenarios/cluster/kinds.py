"""What a process forked by the nursery can become. Each runs until it is told to end; `on_ready` takes its address."""

from collections.abc import Callable
from typing import Any

OnReady = Callable[[str], None]


def run_server(config: dict[str, Any], on_ready: OnReady) -> None:
    from servers.config import ServerConfig
    from servers.serve import run

    run(ServerConfig.from_json(config), on_ready)


def run_balancer(config: dict[str, Any], on_ready: OnReady) -> None:
    from balancer.processes.serve import run
    from balancer.settings.config import BalancerConfig

    run(BalancerConfig(**config), on_ready)


def run_relay(config: dict[str, Any], on_ready: OnReady) -> None:
    from scenarios.cluster.relay import run

    run(config, on_ready)


KINDS = {"server": run_server, "balancer": run_balancer, "relay": run_relay}
