"""What the balancer is told at its start. Times in seconds."""

import argparse
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, NoReturn
from urllib.parse import urlsplit

from balancer.policies import POLICIES
from balancer.pool import Backend

MOST_WEIGHT = 256


class ConfigError(Exception):
    """A setting that cannot work; the message says in one line what to do next."""


@dataclass(frozen=True, kw_only=True)
class BalancerConfig:
    """Raises ConfigError when a field makes no sense. Every field is a plain JSON value."""

    listen: str = "127.0.0.1:8080"
    backends: Sequence[str] = ()
    policy: str = "round_robin"
    health_path: str = "/health"
    health_interval: float = 1.0
    rise: int = 1
    fall: int = 2
    connect_timeout: float = 2.0
    head_timeout: float = 10.0
    response_timeout: float = 30.0
    idle_timeout: float = 60.0
    backend_idle_timeout: float = 4.0
    stop_timeout: float = 10.0
    max_connections: int = 10_000
    max_idle: int = 256
    control: str = ""
    admin: str = ""
    seed: int | None = None
    strip_session_headers: bool = False

    def __post_init__(self) -> None:
        _, port = split_address(self.listen)
        names: set[str] = set()
        for text in self.backends:
            backend = parse_backend(text)
            if backend.name in names:
                raise ConfigError(f"two backends are called {backend.name}: give each its NAME=")
            names.add(backend.name)
            if port and (backend.host, backend.port) == self.address:
                raise ConfigError(f"--backend {text} is the balancer itself: it would send requests round for ever")
        if self.admin:
            split_address(self.admin)
        require_policy(self.policy)
        for field in fields(self):
            value = getattr(self, field.name)
            option = f"--{field.name.replace('_', '-')}"
            if field.type is float and not (math.isfinite(value) and 0 < value <= 86400):
                raise ConfigError(f"{option} must be a number of seconds above 0 (a day at most), not {value}")
            if field.type is int and value < 1:
                raise ConfigError(f"{option} must be at least 1, not {value}")
        if self.health_path and re.fullmatch(r"/[!-\"$-~]*", self.health_path) is None:
            raise ConfigError(f"--health-path must begin with a slash, such as /health, not {self.health_path!r}")

    @property
    def address(self) -> tuple[str, int]:
        return split_address(self.listen)

    @classmethod
    def parse(cls, argv: list[str] | None = None) -> "BalancerConfig":
        """From a command line; prints one line and exits with 2 when that is impossible."""
        parser = _parser()
        values = vars(parser.parse_args(argv))
        try:
            return cls(**values)
        except ConfigError as problem:
            parser.error(str(problem))


def require_policy(name: str) -> None:
    if name not in POLICIES:
        close = get_close_matches(name, POLICIES, 1)
        hint = f"did you mean {close[0]}?" if close else f"choose one of {', '.join(POLICIES)}"
        raise ConfigError(f"no policy is called {name!r}; {hint}")


def split_address(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `[IPV6]:PORT`. Raises ConfigError."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port is None or parts.netloc != text or "@" in text or not text.isprintable() or " " in text:
        raise ConfigError(f"an address looks like 127.0.0.1:8001, not {text!r}")
    return host, port


_BACKEND = re.compile(r"(?:(?P<name>[\w.:-]+)=)?(?P<address>[^=*]+)(?:\*(?P<weight>[0-9]{1,4}))?", re.ASCII)


def parse_backend(text: str) -> Backend:
    """`[NAME=]HOST:PORT[*WEIGHT]`. Raises ConfigError."""
    match = _BACKEND.fullmatch(text)
    if match is None:
        raise ConfigError(f"a backend looks like [NAME=]127.0.0.1:8001[*WEIGHT], not {text!r}")
    host, port = split_address(match["address"])
    weight = int(match["weight"] or 1)
    if port < 1 or not 1 <= weight <= MOST_WEIGHT:
        raise ConfigError(f"a backend needs a port above 0, and a weight from 1 to {MOST_WEIGHT}: {text!r}")
    return Backend(match["name"] or match["address"], host, port, weight)


class _OneLineParser(argparse.ArgumentParser):
    """argparse prints its whole usage before an error; here an error is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help shows every option)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(
        prog="python -m balancer",
        description="A reverse proxy that shares requests out among servers. It prints its address when it is ready.",
        epilog="example: python -m balancer --listen 127.0.0.1:8080 --backend 127.0.0.1:8001 --backend 127.0.0.1:8002",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    default = BalancerConfig()
    add: Any = parser.add_argument
    shape = "[NAME=]HOST:PORT[*WEIGHT]"
    add("--backend", dest="backends", action="append", default=[], metavar=shape, help="a server; repeat")
    for name, (metavar, said) in _OPTIONS.items():
        value = getattr(default, name)
        add(f"--{name.replace('_', '-')}", type=type(value), default=value, metavar=metavar, help=said)
    add("--seed", type=int, default=None, metavar="N", help="of the policies that draw at random")
    add("--strip-session-headers", action="store_true", help="keep Served-By and Session-* from clients")
    return parser


_OPTIONS = {
    "listen": ("HOST:PORT", "port 0: any free one"),
    "policy": ("NAME", "who gets a request: " + ", ".join(POLICIES)),
    "health_path": ("PATH", "what health checks ask for; empty: only a server that is down is tried, by connecting"),
    "health_interval": ("SECONDS", "between two health checks of a server"),
    "rise": ("N", "checks passed in a row until a server is up"),
    "fall": ("N", "checks or requests failed in a row until a server is down"),
    "connect_timeout": ("SECONDS", "for a connection to a server"),
    "head_timeout": ("SECONDS", "for a whole request head"),
    "response_timeout": ("SECONDS", "without a byte from the server, or of the client's request body"),
    "idle_timeout": ("SECONDS", "for clients that send no request, or read nothing"),
    "backend_idle_timeout": ("SECONDS", "for connections to servers at rest; less than the servers' own"),
    "stop_timeout": ("SECONDS", "for running requests when it is stopped"),
    "max_connections": ("N", "clients at once; more get 503"),
    "max_idle": ("N", "connections kept at rest to each server"),
    "control": ("SOCKET", "path of the control socket; empty: none"),
    "admin": ("HOST:PORT", "serves /metrics and /state; empty: nowhere"),
}
