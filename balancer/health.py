"""Active health checks. Passive ones are counted where requests fail (Balancer.failed)."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass

from balancer.http1 import MAX_HEAD, Refused, parse_response
from balancer.names import try_each
from balancer.pool import Backend
from balancer.processes.descriptors import scarce
from balancer.state import Balancer

MOST_DOUBLINGS = 6
"""Of `rise`, for a server that falls again and again: 64 checks in a row at most."""
MOST_BEGUN = 25
"""Checks that one sweep begins, 250 a second: of thousands of servers each is checked less often than it should be,
rather than that requests wait for checks."""
GOLDEN = 0.618034
"""Multiples of it, modulo 1, spread evenly however many they are: so do the moments of the checks."""


async def watch(balancer: Balancer) -> None:
    """Check every backend each `health_interval` seconds, until cancelled."""
    checks = Checks(balancer)
    step = min(0.1, balancer.config.health_interval / 10)
    loop = asyncio.get_running_loop()
    try:
        while True:
            try:
                checks.sweep(balancer.clock())
            except Exception as problem:  # noqa: BLE001 - without the next one, no backend is ever checked again
                loop.call_exception_handler({"message": "the health checks' sweep failed", "exception": problem})
            await asyncio.sleep(step)
    finally:
        checks.end()


@dataclass(slots=True)
class Turn:
    """When a backend is checked."""

    due: float
    """When the next one begins; then the one that runs must be over."""
    served: int = 0
    """How many requests the backend had served when the one that runs began."""
    running: asyncio.Task[None] | None = None


class Checks:
    """Who is checked when: each backend at its own moment of the interval, and one check of it at a time.

    A check that is still running when the next is due is ended and counts as missed: one that hangs holds up no other,
    nor do they pile up. But a backend that has served requests meanwhile is busy, not dead: were it taken out, the
    others would have its load, too, and miss theirs (Beyer et al., Site Reliability Engineering, chapter 22). With a
    health path each backend is asked for it; without one, only those that are down are tried, by connecting.
    """

    def __init__(self, balancer: Balancer) -> None:
        self._balancer = balancer
        self.turns: dict[Backend, Turn] = {}
        self._met = 0
        self._swept = balancer.clock()

    def sweep(self, now: float) -> None:
        """Begin and end what is due by now, in seconds of the balancer's clock."""
        interval = self._balancer.config.health_interval
        we_slept = now - self._swept > interval  # then answers may be here that nobody has read yet
        self._swept = now
        backends = self._balancer.pool.backends
        for gone in self.turns.keys() - backends:
            _end(self.turns.pop(gone))
        for backend in backends:
            if backend not in self.turns:
                self.turns[backend] = Turn(now + interval * (self._met * GOLDEN % 1))
                self._met += 1
        due = [(backend, turn) for backend, turn in self.turns.items() if now >= turn.due]
        begun = 0
        for backend, turn in sorted(due, key=lambda each: each[1].due):
            if begun == MOST_BEGUN:
                break
            turn.due = max(turn.due + interval, now + (interval if we_slept else interval / 2))
            begun += self._begin(backend, turn, blame=not we_slept)

    def end(self) -> None:
        for turn in self.turns.values():
            _end(turn)

    def _begin(self, backend: Backend, turn: Turn, blame: bool) -> bool:
        """Whether there is anything to be checked."""
        if turn.running is not None and not turn.running.done():
            if not blame:
                return False
            _end(turn)
            if served(backend) > turn.served:
                backend.misses = 0
            else:
                judge(self._balancer, backend, False)
        if not self._balancer.config.health_path and backend.healthy:
            return False
        turn.served = served(backend)
        turn.running = self._balancer.run(check(self._balancer, backend))
        return True


def _end(turn: Turn) -> None:
    if turn.running is not None:
        turn.running.cancel()


def served(backend: Backend) -> int:
    """Requests that it has answered, neither with an error of its own nor with half an answer."""
    answered = sum(count for (status, _, _), count in backend.counts.answers.items() if status < 500)
    return answered - backend.counts.errors


async def check(balancer: Balancer, backend: Backend) -> None:
    """One check, and what follows from it."""
    was = backend.healthy
    passed = await passes(balancer, backend)
    if passed is not None and backend.healthy == was:  # asked before it went down, it knows nothing of now
        judge(balancer, backend, passed)


def judge(balancer: Balancer, backend: Backend, passed: bool) -> None:
    """`rise` checks passed in a row bring a backend back, `fall` missed take it out."""
    if passed:
        backend.passes += 1
        backend.misses = 0
        if backend.passes >= needed(balancer, backend):
            balancer.set_health(backend, True)
    else:
        backend.misses += 1
        backend.passes = 0
        if backend.misses >= balancer.config.fall:
            balancer.set_health(backend, False)


def needed(balancer: Balancer, backend: Backend) -> int:
    """Checks in a row that bring it back: `rise`, and twice as many for each time that it has fallen again at once.

    A server can pass every check and fail every request; it would come and go for ever. The idea is RFC 2439's, for
    routes.
    """
    return balancer.config.rise << min(max(backend.falls - 1, 0), MOST_DOUBLINGS)


async def passes(balancer: Balancer, backend: Backend) -> bool | None:
    """Whether the backend answers the health path with 2xx, or, without one, can be connected to. None: we cannot ask.

    The answer's head is judged as strictly as any other. However long it takes: see Checks.
    """
    path, writer = balancer.config.health_path, None
    context, name = (balancer.backend_tls, backend.host) if backend.tls else (None, None)

    def connected(address: str) -> "Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]":
        return asyncio.open_connection(address, backend.port, ssl=context, server_hostname=name, limit=MAX_HEAD)

    try:
        reader, writer = await try_each(backend, balancer.config.health_interval, connected)
        balancer.reached(backend)
        if not path:
            return True
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {backend.address}\r\nConnection: close\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        return 200 <= parse_response(head, b"GET").status < 300
    except OSError as problem:
        if scarce(problem):
            return None
        if writer is None:
            balancer.reached(backend, problem)
        return False
    except (Refused, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return False
    except asyncio.CancelledError:
        if writer is None:
            balancer.reached(backend, TimeoutError())
        raise
    finally:
        if writer is not None:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()
