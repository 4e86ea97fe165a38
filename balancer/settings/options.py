"""The command line: every setting of `config.py` is an option, and goes before what a file says of it."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from balancer.policies import POLICIES
from balancer.processes.listening import CannotListen, open_sockets
from balancer.settings import tls
from balancer.settings.addresses import parse_backend, split_address
from balancer.settings.config import KINDS, VERIFY, BalancerConfig, word
from balancer.settings.config_file import ConfigFile, read_config, reason
from balancer.settings.problems import ConfigError, Problem, meant
from balancer.telling.access_log import read_key
from balancer.telling.log_file import check_log
from balancer.telling.log_lines import FORMATS
from servers.control import ControlError, check_path

# field -> (what its value stands for, what it is). What is a FILE has to be readable.
OPTIONS = {
    "listen": ("HOST:PORT", "port 0: any free one"),
    "workers": ("N", "processes that share the port; each has its own turns, health checks and connections"),
    "backends": ("[NAME=][https://]HOST:PORT[*WEIGHT]", "a server; repeat"),
    "backend_dns": (
        "NAME:PORT[*WEIGHT]",
        "a service: each address of the name is a server; they come and go; repeat",
    ),
    "policy": ("NAME", "who gets a request: " + ", ".join(POLICIES)),
    "slow_start": ("SECONDS", "until a server that comes, or comes back, gets its full share; 0: at once"),
    "sticky": ("MODE", "sticky_cookie, when the user's server is down: soft moves the user, hard answers 503"),
    "sticky_cookie_name": ("NAME", "of the cookie that says whose user this is"),
    "sticky_cookie_attributes": ("TEXT", "of that cookie: Path, Domain, Secure, HttpOnly, SameSite, Partitioned"),
    "sticky_max_age": ("SECONDS", "that a user may stay away and is known again; 0: until the browser is closed"),
    "sticky_fallback": ("POLICY", "chooses for new users, and for those who are moved"),
    "resolve_interval": ("SECONDS", "between two look-ups of a server's name; the last known addresses stay in use"),
    "health_path": ("PATH", "what health checks ask for; empty: only a server that is down is tried, by connecting"),
    "health_interval": ("SECONDS", "between two health checks of a server"),
    "rise": ("N", "checks passed in a row until a server is up"),
    "fall": ("N", "requests failed in a row, or checks, until a server is down; who serves requests may miss checks"),
    "connect_timeout": ("SECONDS", "for a connection to a server"),
    "head_timeout": ("SECONDS", "for a whole request head, and for a TLS handshake before the first"),
    "response_timeout": ("SECONDS", "for an answer's head, each piece of its body, and a request's body: see below"),
    "idle_timeout": ("SECONDS", "for clients that send no request, or read nothing"),
    "tunnel_timeout": ("SECONDS", "without a byte in either direction of a WebSocket"),
    "backend_idle_timeout": ("SECONDS", "for connections to servers at rest; less than the servers' own"),
    "stop_timeout": ("SECONDS", "for running requests when it is stopped"),
    "max_connections": ("N", "clients at once; 64 more at a time get 503, others (with TLS all) are cut off"),
    "max_idle": ("N", "connections kept at rest to each server"),
    "control": ("SOCKET", "path of the control socket; empty: none"),
    "admin": ("HOST:PORT", "serves /metrics and /state; empty: nowhere"),
    "access_log": ("FILE|-", "gets a line for each request; -: stdout; SIGHUP opens it anew; empty: none"),
    "access_log_format": ("NAME", "of its lines: " + ", ".join(FORMATS)),
    "log_key_file": ("FILE", "keys the hashes of session IDs in the log; empty: a new key at each start"),
    "tls_certificate": ("FILE", "PEM: clients speak TLS; SIGHUP reads it anew"),
    "tls_key": ("FILE", "PEM: its key, if that is not in the same file"),
    "backend_ca": ("FILE", "PEM: authorities for https:// servers instead of the system's"),
    "backend_verify": ("HOW", "certificates of https:// servers: " + ", ".join(VERIFY)),
    "proxy_protocol_from": ("NETWORKS", "such as 10.0.0.0/8,::1: who has to begin with a PROXY header (v1 or v2)"),
    "trusted_forwarders": ("NETWORKS", "whose X-Forwarded-* is believed, and added to"),
    "secret_file": ("FILE", "the secret of sticky cookies, the same for several balancers; empty: one of our own"),
    "seed": ("N", "of the policies that draw at random"),
    "strip_session_headers": ("", "keep Served-By and Session-* from clients"),
}

EPILOG = """\
A file of settings holds the same words, one a line, in TOML. What the command
line says goes before it; a list there takes the place of the file's list. Paths
are those of the folder that the balancer is started in, as on a command line.

    listen = "127.0.0.1:8080"
    backend = ["a=127.0.0.1:8001", "b=127.0.0.1:8002*2"]
    policy = "sticky_cookie"
    health-interval = 0.5

--check reads the files, and tries addresses and paths without taking them. What
it cannot know: whether a port can be had, whether another process answers at
--control, and whether servers' names have addresses.

--explain takes METHOD and TARGET as in 'GET /cart', a file with a head as
clients send it, or - for stdin. The balancer that runs at --control is asked;
without one, servers are taken for healthy.

SIGTERM and Ctrl-C finish what runs, and end. SIGHUP opens files anew and reads
no settings: a running balancer is changed at its control socket. SIGUSR2 starts
the same command line again, with a file of settings as it is then: the new
process takes over the listening sockets, and the old one finishes what it has.
In either case WebSockets run on for stop-timeout seconds, and are ended then.

response-timeout begins anew with each 1xx answer and each piece of an answer's
body, not with the bytes of a head. A request's body has that time as well; once
it is over, the body has to come at 500 bytes a second on average.

With --workers N the policies are as strict in each worker: with round_robin
each has turns of its own. Sticky and address policies decide alike in all.
max-connections is shared out among them; max-idle is for each.

example: python -m balancer --backend 127.0.0.1:8001 --backend 127.0.0.1:8002
"""


class Question(NamedTuple):
    """A request to be explained: a file, `-` for stdin, or METHOD TARGET with these header lines."""

    request: str
    headers: list[str]
    client: str


class Asked(NamedTuple):
    """What a command line asks for."""

    config: BalancerConfig
    check: bool = False
    explain: Question | None = None


def parse(argv: list[str] | None = None) -> Asked:
    """When that cannot be: each problem in a line of its own on stderr, and SystemExit with 2."""
    parser = _parser()
    asked, unknown = parser.parse_known_args(argv)
    if unknown:
        option = unknown[0].partition("=")[0]
        remedy = meant(option, parser.options)
        parser.exit(2, f"{parser.prog}: unrecognized arguments: {' '.join(unknown)}; {remedy}\n")
    if asked.explain is None and (asked.header or asked.client):
        parser.error("--header and --client go with --explain: they say what request is meant")
    given = {field: value for field, value in vars(asked).items() if field in KINDS}
    file = read_config(asked.config) if asked.config is not None else ConfigFile()
    values = {**file.values, **given}
    config, problems = _judged(values)
    if asked.explain is None:
        problems += _unusable(values)
        wrong = {problem.field for problem in problems}
        rest, _ = _judged({field: value for field, value in values.items() if field not in wrong})
        problems += tls.problems(rest) if rest is not None else ()
        problems += _not_here(rest) if rest is not None and asked.check else ()
    in_file = [problem for problem in problems if problem.field in file.values and problem.field not in given]
    lines = [f"{parser.prog}: --{word(p.field)}: {p.said}" for p in problems if p not in in_file]
    lines += file.report(in_file)
    if lines or config is None:
        parser.exit(2, "".join(f"{line}\n" for line in lines))
    question = None
    if asked.explain is not None:
        question = Question(asked.explain, asked.header or [], asked.client or "127.0.0.1")
    return Asked(config, asked.check, question)


def _judged(values: Mapping[str, Any]) -> tuple[BalancerConfig | None, list[Problem]]:
    try:
        return BalancerConfig(**values), []
    except ConfigError as error:
        return None, list(error.problems)


def _unusable(values: Mapping[str, Any]) -> Iterator[Problem]:
    """Files named in the settings that would stop the balancer at its start."""
    for field, (metavar, _) in OPTIONS.items():
        attempt = ATTEMPTS.get(field, _read if metavar == "FILE" else None)
        path = values.get(field)
        if attempt is not None and path:
            try:
                attempt(path)
            except (ConfigError, ControlError) as problem:
                yield Problem(field, str(problem))
            except (OSError, ValueError) as failure:
                shown = path if path.isprintable() else repr(path)
                yield Problem(field, f"{shown} cannot be used: {reason(failure)}; name a file that can")


def _not_here(config: BalancerConfig) -> Iterator[Problem]:
    """Addresses that this machine does not have. Their ports are not tried: the balancer itself may run there."""
    for field, address in (("listen", config.listen), ("admin", config.admin)):
        try:
            for sock in open_sockets(split_address(address)[0], 0) if address else ():
                sock.close()
        except CannotListen as problem:
            yield Problem(field, f"cannot listen on {address}: {problem}; name an address of this machine")


def _read(path: str) -> None:
    with open(path, "rb") as file:
        file.read(1)


ATTEMPTS: dict[str, Callable[[str], object]] = {
    "access_log": check_log,
    "control": lambda path: check_path(Path(path)),
    "log_key_file": read_key,
    "secret_file": read_key,
}
"""What is tried with a file, other than to read it."""


def summary(config: BalancerConfig) -> str:
    """What `--check` says of settings that will do."""
    names = [parse_backend(text).name for text in config.backends]
    servers = f"{len(names)} server{'s' * (len(names) != 1)}" + (f" ({', '.join(names)})" if names else "")
    return f"ok: {config.listen} to {servers}, {config.policy}"


class _Parser(argparse.ArgumentParser):
    """argparse prints its whole usage before an error; here an error is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help shows every option)\n")

    @property
    def options(self) -> list[str]:
        return [option for option in self._option_string_actions if option.startswith("--")]


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m balancer",
        description="A reverse proxy that shares requests out among servers. It prints its address when it is ready.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    add: Any = parser.add_argument
    add("--config", default=None, metavar="FILE", help="a file of settings, see below")
    add("--check", action="store_true", default=False, help="say what is wrong with the settings, and end")
    add("--explain", default=None, metavar="REQUEST", help="say what would become of a request, and end: see below")
    add("--header", action="append", default=None, metavar="LINE", help="of that request; repeat")
    add("--client", default=None, metavar="ADDRESS", help="that it comes from (default: 127.0.0.1)")
    shapes: dict[type, dict[str, Any]] = {
        bool: {"action": argparse.BooleanOptionalAction},
        list: {"action": "append"},
    }
    for field, (metavar, said) in OPTIONS.items():
        kind = KINDS[field]
        shape = shapes.get(kind, {"type": kind})
        default = getattr(BalancerConfig, field)
        shown = f" (default: {default})" if kind not in (bool, list) and default not in ("", None) else ""
        if kind is not bool:
            shape = {**shape, "metavar": metavar}
        add(f"--{word(field)}", dest=field, help=said.replace("%", "%%") + shown, **shape)
    return parser
