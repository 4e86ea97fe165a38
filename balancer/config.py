"""What the balancer is told at its start. Times in seconds."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, NoReturn
from urllib.parse import urlsplit

from balancer.policies import POLICIES
from balancer.pool import Backend


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
    stop_timeout: float = 10.0
    max_connections: int = 10_000
    control: str = ""
    admin: str = ""
    seed: int | None = None
    strip_session_headers: bool = False

    def __post_init__(self) -> None:
        split_address(self.listen)
        for text in self.backends:
            parse_backend(text)
        if self.admin:
            split_address(self.admin)
        require_policy(self.policy)
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is float and not 0 < value < 1e6:
                raise ConfigError(f"--{field.name.replace('_', '-')} must be a number of seconds above 0, not {value}")
        for name in ("rise", "fall", "max_connections"):
            if getattr(self, name) < 1:
                raise ConfigError(f"--{name.replace('_', '-')} must be at least 1")
        if not self.health_path.startswith("/") or not self.health_path.isascii() or " " in self.health_path:
            raise ConfigError(f"--health-path must start with a slash, such as /health, not {self.health_path!r}")

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
    if not host or port is None or parts.netloc != text or "@" in text:
        raise ConfigError(f"an address looks like 127.0.0.1:8001, not {text!r}")
    return host, port


_BACKEND = re.compile(r"(?:(?P<name>[\w.-]+)=)?(?P<address>[^=*]+)(?:\*(?P<weight>[0-9]{1,4}))?", re.ASCII)


def parse_backend(text: str) -> Backend:
    """`[NAME=]HOST:PORT[*WEIGHT]`. Raises ConfigError."""
    match = _BACKEND.fullmatch(text)
    if match is None:
        raise ConfigError(f"a backend looks like [NAME=]127.0.0.1:8001[*WEIGHT], not {text!r}")
    host, port = split_address(match["address"])
    weight = int(match["weight"] or 1)
    if weight < 1 or port < 1:
        raise ConfigError(f"a backend needs a port and a weight of at least 1: {text!r}")
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
    texts: dict[str, tuple[str, str]] = {
        "listen": ("HOST:PORT", "port 0: any free one"),
        "policy": ("NAME", "who gets a request: " + ", ".join(POLICIES)),
        "health_path": ("PATH", "what health checks ask for"),
        "health_interval": ("SECONDS", "between two health checks of a server"),
        "rise": ("N", "checks passed in a row until a server is up"),
        "fall": ("N", "failures in a row until a server is down"),
        "connect_timeout": ("SECONDS", "for a connection to a server"),
        "head_timeout": ("SECONDS", "for a whole request head"),
        "response_timeout": ("SECONDS", "without a byte from the server"),
        "idle_timeout": ("SECONDS", "for connections with nothing to do"),
        "stop_timeout": ("SECONDS", "for running requests when it is stopped"),
        "max_connections": ("N", "clients at once; more get 503"),
        "control": ("SOCKET", "path of the control socket; empty: none"),
        "admin": ("HOST:PORT", "serves /metrics and /state; empty: nowhere"),
    }
    add: Any = parser.add_argument
    add(
        "--backend",
        dest="backends",
        action="append",
        default=[],
        metavar="[NAME=]HOST:PORT[*WEIGHT]",
        help="a server; repeat",
    )
    for name, (metavar, said) in texts.items():
        value = getattr(default, name)
        add(f"--{name.replace('_', '-')}", type=type(value), default=value, metavar=metavar, help=said)
    add("--seed", type=int, default=None, metavar="N", help="of the policies that draw at random")
    add("--strip-session-headers", action="store_true", help="keep Served-By and Session-* from clients")
    return parser
