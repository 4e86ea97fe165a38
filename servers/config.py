"""What one server is told at its start. Times in seconds."""

import argparse
import math
import socket
from dataclasses import dataclass, fields
from typing import Any, NoReturn
from urllib.parse import urlsplit

from servers.stores import STORES

ON_UNKNOWN = {
    "keep": "leave the browser's cookie alone (express-session, PHP)",
    "clear": "tell the browser to drop the cookie (Flask-Login and many sample apps)",
    "replace": "hand out a new, anonymous session at once (Django and Rails sample apps)",
}
PASSWORDS = {
    "light": "argon2id, 64 KiB, 1 pass: for a lab on one machine, not for people's passwords",
    "strong": "argon2id, 64 MiB, 3 passes (RFC 9106, section 4, second choice)",
}


class ConfigError(Exception):
    """A setting that cannot work; the message says in one line what to do next."""


@dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """Raises ConfigError when a field makes no sense. Every field is a plain JSON value."""

    name: str = "server-1"
    listen: str = "127.0.0.1:8001"
    store: str = "memory"
    store_url: str = ""
    on_unknown: str = "keep"
    idle_timeout: float = 1800.0
    absolute_timeout: float = 43200.0
    store_timeout: float = 0.5
    passwords: str = "light"
    shop: str = ""
    control: str = ""

    def __post_init__(self) -> None:
        split_address(self.listen)
        require_choice("store", self.store, STORES)
        require_choice("on-unknown", self.on_unknown, ON_UNKNOWN)
        require_choice("passwords", self.passwords, PASSWORDS)
        for name in ("idle_timeout", "absolute_timeout", "store_timeout"):
            seconds = getattr(self, name)
            if not (math.isfinite(seconds) and seconds > 0):
                option = name.replace("_", "-")
                raise ConfigError(f"--{option} must be a number of seconds above 0, not {seconds}")
        if not self.name:
            object.__setattr__(self, "name", socket.gethostname())  # frozen, but not yet seen by anybody
        if not self.name.isascii() or not self.name.isprintable():
            raise ConfigError(f"--name goes into a header: printable ASCII only, not {self.name!r}")

    @property
    def address(self) -> tuple[str, int]:
        return split_address(self.listen)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ServerConfig":
        """The inverse of dataclasses.asdict."""
        unknown = values.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ConfigError(f"unknown settings: {', '.join(sorted(unknown))}")
        return cls(**values)

    @classmethod
    def parse(cls, argv: list[str] | None = None) -> "ServerConfig":
        """From a command line; prints one line and exits with 2 when that is impossible."""
        parser = _parser()
        values = vars(parser.parse_args(argv))
        try:
            return cls(**values)
        except ConfigError as problem:
            parser.error(str(problem))


def split_address(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `[IPV6]:PORT`; port 0 lets the system choose. Raises ConfigError."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port is None or parts.netloc != text or "@" in text:
        raise ConfigError(f"an address looks like 127.0.0.1:8001, not {text!r}")
    return host, port


def require_choice(option: str, value: str, table: dict[str, Any]) -> None:
    if value not in table:
        raise ConfigError(f"--{option} must be one of {', '.join(table)}, not {value!r}")


class _OneLineParser(argparse.ArgumentParser):
    """argparse prints its whole usage before an error; here an error is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help shows every option)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(
        prog="python -m servers",
        description="One app server of the shop. It prints its address when it is ready.",
        epilog="example: python -m servers --listen 127.0.0.1:8001 --store redis --store-url redis://127.0.0.1",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    stores = "; ".join(f"{name}: {kind.summary}" for name, kind in STORES.items())
    unknown = "; ".join(f"{name}: {does}" for name, does in ON_UNKNOWN.items())
    passwords = "; ".join(f"{name}: {does}" for name, does in PASSWORDS.items())
    default = ServerConfig()
    add = parser.add_argument
    add("--name", default=default.name, help="how it signs its answers (header Served-By); empty: the machine's name")
    add("--listen", default=default.listen, metavar="HOST:PORT", help="port 0: any free one")
    add("--store", default=default.store, metavar="STORE", help=f"where sessions live: {stores}")
    add("--store-url", default=default.store_url, metavar="URL", help="the store's URL or file")
    add("--on-unknown", default=default.on_unknown, metavar="DO", help=f"unknown ID: {unknown}")
    add("--idle-timeout", type=float, default=default.idle_timeout, metavar="SECONDS", help="since the last visit")
    add("--absolute-timeout", type=float, default=default.absolute_timeout, metavar="SECONDS", help="since login")
    add("--store-timeout", type=float, default=default.store_timeout, metavar="SECONDS", help="then it has failed")
    add("--passwords", default=default.passwords, metavar="PROFILE", help=passwords)
    add("--shop", default=default.shop, metavar="FILE", help="orders shared by all servers; empty: in memory")
    add("--control", default=default.control, metavar="SOCKET", help="path of the control socket; empty: none")
    return parser
