"""What the balancer is told at its start, and what of it can work. Times in seconds.

`options.py` reads it from a command line, `config_file.py` from a file: both take their words from the fields here.
"""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args, get_type_hints

from balancer.networks import parse_networks
from balancer.policies import POLICIES
from balancer.policies.sticky_options import StickyOptions
from balancer.settings.addresses import parse_backend, split_address
from balancer.settings.problems import ConfigError, Problem, meant
from balancer.telling.log_lines import FORMATS

MAY_BE_ZERO = frozenset({"slow_start"})
"""0 means that there is none."""
BOUND_ELSEWHERE = frozenset({"max_connections", "sticky_max_age"})
"""Numbers whose bounds are their own: only who knows those judges them, so that each problem is told once."""
VERIFY = ("full", "none")
SINGULAR = frozenset({"backend_dns"})
"""Lists whose name has no plural."""
MOST_WORKERS = 256


@dataclass(frozen=True, kw_only=True)
class BalancerConfig:
    """Raises ConfigError when a field makes no sense. Every field is a plain JSON value.

    A new setting is a field here, a row in `options.OPTIONS`, and in `problems` what can be wrong with it.
    """

    listen: str = "127.0.0.1:8080"
    workers: int = 1
    backends: Sequence[str] = ()
    backend_dns: Sequence[str] = ()
    policy: str = "round_robin"
    slow_start: float = 0.0
    sticky: str = StickyOptions.mode
    sticky_cookie_name: str = StickyOptions.cookie_name
    sticky_cookie_attributes: str = StickyOptions.cookie_attributes
    sticky_max_age: int = StickyOptions.max_age
    sticky_fallback: str = StickyOptions.fallback
    resolve_interval: float = 10.0
    health_path: str = "/health"
    health_interval: float = 1.0
    rise: int = 1
    fall: int = 2
    connect_timeout: float = 2.0
    head_timeout: float = 10.0
    response_timeout: float = 30.0
    idle_timeout: float = 60.0
    tunnel_timeout: float = 3600.0
    backend_idle_timeout: float = 4.0
    stop_timeout: float = 10.0
    max_connections: int = 10_000
    max_idle: int = 256
    control: str = ""
    admin: str = ""
    access_log: str = ""
    access_log_format: str = "json"
    log_key_file: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    backend_ca: str = ""
    backend_verify: str = "full"
    proxy_protocol_from: str = ""
    trusted_forwarders: str = ""
    secret_file: str = ""
    seed: int | None = None
    strip_session_headers: bool = False

    def __post_init__(self) -> None:
        if problems := list(self.problems()):
            raise ConfigError(f"--{word(problems[0].field)}: {problems[0].said}", problems)

    def problems(self) -> Iterator[Problem]:
        """Everything that cannot work, not only the first: whoever mends a file wants to know it all."""
        yield from _numbers(self)
        yield from _workers(self)
        yield from _refused("listen", split_address, self.listen)
        yield from _backends(self)
        yield from _services(self)
        yield from _refused("policy", require_policy, self.policy)
        yield from _refused("sticky_fallback", require_policy, self.sticky_fallback)
        yield from (Problem(field, said) for field, said in self.sticky_options.problems())
        if self.admin:
            yield from _refused("admin", split_address, self.admin)
        if self.access_log_format not in FORMATS:
            yield Problem(
                "access_log_format",
                f"no format is called {self.access_log_format!r}; {meant(self.access_log_format, FORMATS)}",
            )
        if self.health_path and re.fullmatch(r"/[!-\"$-~]*", self.health_path) is None:
            yield Problem("health_path", f"must begin with a slash, such as /health, not {self.health_path!r}")

        yield from _refused("proxy_protocol_from", parse_networks, self.proxy_protocol_from)
        yield from _refused("trusted_forwarders", parse_networks, self.trusted_forwarders)
        if self.tls_key and not self.tls_certificate:
            yield Problem("tls_key", "goes with --tls-certificate; name the certificate, too")
        if self.backend_verify not in VERIFY:
            yield Problem("backend_verify", f"is one of {', '.join(VERIFY)}, not {self.backend_verify!r}")

    @property
    def address(self) -> tuple[str, int]:
        return split_address(self.listen)

    def most_clients(self, worker: int) -> int:
        """Of `max_connections`, what this worker (0, 1, ...) may have: the first ones get what is left over."""
        return (self.max_connections + self.workers - 1 - worker) // self.workers

    @property
    def sticky_options(self) -> StickyOptions:
        return StickyOptions(
            mode=self.sticky,
            cookie_name=self.sticky_cookie_name,
            cookie_attributes=self.sticky_cookie_attributes,
            max_age=self.sticky_max_age,
            fallback=self.sticky_fallback,
        )


def as_json(config: BalancerConfig) -> dict[str, Any]:
    """The fields as another process reads them: `BalancerConfig(**...)` is the same again."""
    return {name: list(value) if KINDS[name] is list else value for name, value in vars(config).items()}


def _numbers(config: BalancerConfig) -> Iterator[Problem]:
    for field in fields(config):
        value = getattr(config, field.name)
        if value == 0 and field.name in MAY_BE_ZERO:
            continue
        least = "from 0" if field.name in MAY_BE_ZERO else "above 0"
        if field.type is float and not 0 < value <= 86400:
            yield Problem(field.name, f"must be a number of seconds {least} (a day at most), not {value:g}")
        if field.type is int and value < 1 and field.name not in BOUND_ELSEWHERE:
            yield Problem(field.name, f"must be at least 1, not {value}")


def _workers(config: BalancerConfig) -> Iterator[Problem]:
    """How many, and that each may have a client."""
    least = 1
    if config.workers > MOST_WORKERS:
        yield Problem("workers", f"at most {MOST_WORKERS}, and no more than there are cores, not {config.workers}")
    elif config.workers > 1 and sys.platform != "linux":
        yield Problem("workers", "only Linux shares a port evenly: use one worker here")
    else:
        least = max(config.workers, 1)
    if config.max_connections < least:
        each = ", one for each worker" if least > 1 else ""
        yield Problem("max_connections", f"must be at least {least}{each}, not {config.max_connections}")


def _backends(config: BalancerConfig) -> Iterator[Problem]:
    try:
        own = config.address
    except ConfigError:
        own = ("", 0)  # told already
    names: set[str] = set()
    for item, text in enumerate(config.backends):
        try:
            backend = parse_backend(text)
        except ConfigError as problem:
            yield Problem("backends", str(problem), item)
            continue
        if backend.name in names:
            yield Problem("backends", f"two backends are called {backend.name}: give each its NAME=", item)
        names.add(backend.name)
        if own == (backend.host, backend.port):
            yield Problem("backends", f"{text} is the balancer itself: it would send requests round for ever", item)


def _services(config: BalancerConfig) -> Iterator[Problem]:
    named: dict[str, str] = {}
    for item, text in enumerate(config.backend_dns):
        try:
            service = parse_backend(text)
        except ConfigError:
            yield Problem("backend_dns", f"a service looks like NAME:PORT[*WEIGHT], not {text!r}", item)
            continue
        if service.tls or "=" in text:
            said = "its servers are named by their addresses, and spoken to without TLS: NAME:PORT[*WEIGHT]"
            yield Problem("backend_dns", f"{text}: {said}", item)
        elif not service.named:
            yield Problem("backend_dns", f"{text} is one address: use --backend for it", item)
        elif service.address in named:
            yield Problem("backend_dns", f"{text} is the same service as {named[service.address]}: keep one", item)
        named.setdefault(service.address, text)


def _refused(field: str, check: Callable[[str], Any], value: str) -> Iterator[Problem]:
    try:
        check(value)
    except (ConfigError, ValueError) as problem:
        yield Problem(field, str(problem))


# The fields, as command lines and files know them


def _kind(hint: Any) -> type:
    """bool, int, float, str, or list for several texts; what may also be None is what it is otherwise."""
    known = (bool, int, float, str)
    if hint in known:
        kind: type = hint
        return kind
    choices = [arg for arg in get_args(hint) if arg in known]
    return choices[0] if type(None) in get_args(hint) else list


def word(field: str) -> str:
    """What a setting is called. Of a list it is the singular: the option is given once for each."""
    if KINDS[field] is list and field not in SINGULAR:
        field = re.sub("ies$", "y", field) if field.endswith("ies") else field.removesuffix("s")
    return field.replace("_", "-")


KINDS = {
    field.name: _kind(hint)
    for field, hint in zip(fields(BalancerConfig), get_type_hints(BalancerConfig).values(), strict=True)
}
WORDS = {word(field): field for field in KINDS}


# What single settings are made of


def require_policy(name: str) -> None:
    if name not in POLICIES:
        raise ConfigError(f"no policy is called {name!r}; {meant(name, POLICIES)}")
