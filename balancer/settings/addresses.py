"""Addresses and servers, as people write them. Pure."""

import re
from urllib.parse import urlsplit

from balancer.pool import Backend
from balancer.settings.problems import ConfigError

MOST_WEIGHT = 256


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


_BACKEND = re.compile(
    r"(?:(?P<name>[\w.:-]+)=)?(?:http(?P<tls>s?)://)?(?P<address>[^=*]+)(?:\*(?P<weight>[0-9]{1,4}))?", re.ASCII
)


def parse_backend(text: str) -> Backend:
    """`[NAME=][https://]HOST:PORT[*WEIGHT]`. Raises ConfigError."""
    match = _BACKEND.fullmatch(text)
    if match is None:
        raise ConfigError(f"a backend looks like [NAME=][https://]127.0.0.1:8001[*WEIGHT], not {text!r}")
    host, port = split_address(match["address"])
    weight = int(match["weight"] or 1)
    if port < 1 or not 1 <= weight <= MOST_WEIGHT:
        raise ConfigError(f"a backend needs a port above 0, and a weight from 1 to {MOST_WEIGHT}: {text!r}")
    tls = bool(match["tls"])
    if tls:
        _require_name(host)
    return Backend(match["name"] or match["address"], host, port, weight, tls)


def _require_name(host: str) -> None:
    """TLS needs a name that can stand in a certificate."""
    try:
        host.encode("idna")
    except UnicodeError:
        raise ConfigError(f"{host!r} is no host name that a certificate could be for") from None
