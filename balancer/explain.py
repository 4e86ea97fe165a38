"""What would become of one request, and why, without serving it: `balancer --explain`.

The head goes through the client's side itself (front.py), on a transport that leads nowhere. A copy of the policy
chooses, so nobody's turn is used, and nothing is counted.
"""

import asyncio
import textwrap
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any, NamedTuple

from balancer.answers import own_answer
from balancer.bodies import body_of
from balancer.fields import FORGEABLE, HOP_BY_HOP, X_FORWARDED, plain, tokens
from balancer.front import Client
from balancer.http1 import CHUNKED, Refused, Request
from balancer.networks import parse_address
from balancer.pool import STEPS, Available, Backend, Pick
from balancer.quick import quick_request
from balancer.refusals import rule_of
from balancer.settings.addresses import split_address
from balancer.settings.problems import ConfigError
from balancer.state import Balancer
from balancer.telling.log_lines import Pseudonyms

WIDTH = 80
INDENT = 11


class Explanation(NamedTuple):
    """For people, line by line. `served`: some server would get it."""

    lines: list[str]
    served: bool


def explain(balancer: Balancer, data: bytes, client: str, listening: str) -> Explanation:
    """`data` is what a client at this address sends to `listening`, HOST:PORT: a head, and its body or a part of it.

    Raises ConfigError when `client` is no address.
    """
    if parse_address(client) is None:
        raise ConfigError(f"--client: an address looks like 127.0.0.1 or ::1, not {client!r}")
    lines: list[str] = []
    close = True  # the client's connection ends with a refusal
    try:
        request = _received(balancer, data, client, listening)
        lines += _reading(balancer, request, data)
        available, (pick, why) = balancer.pool.available, _picked(balancer, request)
        lines += row("policy", balancer.policy_name)
        lines += _column("servers", [_condition(backend, available) for backend in available.known] or ["none"])
        if pick is None:
            close = not request.keep_alive or not request.minor
            raise Refused(503, "this user's server is not available" if available.new else "no server is available")
        lines += row("choice", f"{pick.backend.name}: {why}")
        if pick.moved is not None:
            lines += row("moved", pick.moved)
        lines += _rewriting(request)
        lines += _column("sent", [_shown(line) for line in request.wire[:-4].split(b"\r\n")])
        if pick.set_cookie is not None:
            lines += _column("answer", [f"gets Set-Cookie: {_shown(pick.set_cookie)}"])
    except Refused as refused:
        rule = rule_of(str(refused))
        lines += row("refused", str(refused) + (f" ({rule})" if rule is not None else ""))
        head_only = data.removeprefix(b"\r\n").startswith(b"HEAD ")
        date = balancer.dates.line()
        answer = own_answer(refused.status, str(refused), date, close=close, head_only=head_only).decode()
        return Explanation(lines + _column("answer", answer.rstrip().split("\r\n")), served=False)
    return Explanation(lines, served=True)


class _Nowhere(asyncio.Transport):
    """The connection of a client that is not there."""

    def __init__(self, balancer: Balancer, client: str, listening: str) -> None:
        tls = {"sslcontext": True} if balancer.config.tls_certificate else {}
        super().__init__({"peername": (client, 0), "sockname": split_address(listening), **tls})

    def write(self, data: Any) -> None:
        """Nobody reads it."""


def _received(balancer: Balancer, data: bytes, client: str, listening: str) -> Request:
    """The request as the client's side takes it. Raises Refused."""
    # One that serves nobody else.
    aside = Balancer(balancer.config, Random(0), balancer.secret, balancer.clock, balancer.wall)
    front = Client(aside)
    front.connection_made(_Nowhere(balancer, client, listening))
    request = front.next_head(data)
    if request is None:
        raise Refused(408, "the request's head took too long")
    return request


def _picked(balancer: Balancer, request: Request) -> tuple[Pick | None, str]:
    rng = balancer.policy_options.rng
    drawn = rng.getstate()
    try:
        policy = deepcopy(balancer.policy)
        pick = policy.pick(balancer.pool.available, request)
        return pick, policy.why(balancer.pool.available, request, pick)
    finally:
        rng.setstate(drawn)


def _reading(balancer: Balancer, request: Request, data: bytes) -> Iterator[str]:
    """How the head was understood. Raises Refused if what there is of the body is malformed."""
    quick = quick_request(data) is not None
    names = balancer.log.pseudonyms if balancer.log is not None else Pseudonyms(balancer.secret)
    yield from row("request", f"{request.method.decode()} {request.target.decode('latin-1')} from {request.client}")
    yield from row("parser", "plain: the short cut (quick.py)" if quick else "not plain: the strict one (http1.py)")
    yield from row("framing", _framing(request.length))
    yield from row("session", f"hash {names.of(request.session)}" if request.session is not None else "none")
    again = "may be sent again, if its connection is lost" if request.replayable else "is never done twice"
    yield from row("repeat", f"{request.method.decode()} {again}")
    body = body_of(request.length)
    if body is not None:
        body.feed(data[data.index(b"\r\n\r\n") + 4 :])


def _framing(length: int) -> str:
    if length == CHUNKED:
        return "a chunked body"
    return f"a body of {length} bytes" if length else "no body"


def _condition(backend: Backend, available: Available) -> str:
    """Whether it may be picked, and for whom."""
    if not backend.healthy:
        state = "down"
    elif backend.draining:
        state = "draining, " + ("keeps its users" if backend in available.kept else "gives its users away")
    else:
        state = "up" if backend.step == STEPS else f"up, starting slowly ({backend.step} of {STEPS})"
    return f"{backend.name}: {state}; weight {backend.weight}, {backend.in_flight} in flight"


def _rewriting(request: Request) -> Iterator[str]:
    """What of the head does not go on, or in other words, and what is added to it."""
    came, goes = request.raw[:-4].split(b"\r\n"), request.wire[:-4].split(b"\r\n")
    lost, new = Counter(came) - Counter(goes), Counter(goes) - Counter(came)
    again = {_name(line) for line in new.elements()} | {_name(came[0])}
    connection = b",".join(line.partition(b":")[2] for line in came if _name(line) == b"connection")
    named = frozenset(map(plain, tokens(connection)))
    dropped = [f"{_shown(line)}  ({_why_lost(_name(line), again, named)})" for line in lost.elements()]
    yield from _column("dropped", dropped or ["nothing"])
    yield from _column("added", [_shown(line) for line in new.elements()] or ["nothing"])


def _why_lost(name: bytes, again: set[bytes], named: frozenset[bytes]) -> str:
    if name in FORGEABLE or name.startswith(X_FORWARDED):
        return "ours to say"
    if name in HOP_BY_HOP:
        return "about this connection"
    if name in named:
        return "named by Connection"
    return "rewritten" if name in again else "ends here"


def _name(line: bytes) -> bytes:
    return plain(line.partition(b":")[0])


# The page: a label, and beside it prose in 80 columns, or lines as they are


def row(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=label.ljust(INDENT), subsequent_indent=" " * INDENT, break_on_hyphens=False
    )


def _column(label: str, lines: list[str]) -> list[str]:
    return [((label if not i else "").ljust(INDENT) + line).rstrip() for i, line in enumerate(lines)]


def _shown(line: bytes) -> str:
    """Nothing in it moves a terminal's cursor."""
    return "".join(c if " " <= c <= "~" else f"\\x{ord(c):02x}" for c in line.decode("latin-1"))
