"""What can go wrong with a request, by who fails: the backend, the clock, the client.

A connect failure is definite, so any request may go elsewhere; a lost connection is not, so only an idempotent request
that nothing was answered to is sent again (RFC 9110 section 9.2.2), and any other only if the backend provably has not
got a byte of it (Upstream.unheard).
"""

from typing import TYPE_CHECKING

from balancer.answers import own_answer
from balancer.bodies import UntilClose
from balancer.http1 import Refused
from balancer.telling import events

if TYPE_CHECKING:
    from balancer.policies.base import Available
    from balancer.proxy import Exchange

MOST_REPLAYS = 2
"""Times a request may be sent again after its connection was lost: it might be what kills the backends."""


# What can go wrong: the backend


def again(exchange: "Exchange") -> None:
    """Try the request once more, with whoever is chosen now, if anybody is left."""
    backend = exchange.backend
    assert backend is not None
    exchange.balancer.left(backend)
    exchange.backend = exchange.pick = None
    exchange.begin()
    if exchange.pick is not None:
        backend.counts.retried += 1
        exchange.retries += 1


def nobody(exchange: "Exchange", available: "Available") -> None:
    """Nobody is left who could be asked."""
    if exchange.tried and not available.new:
        fail(exchange, 502, "no server could be reached")
    else:
        exchange.balancer.pool.own.errors += 1
        fail(exchange, 503, "this user's server is not available" if available.new else "no server is available")


def backend_lost(exchange: "Exchange", *, clean: bool) -> None:
    """The connection has ended; `clean`: without an error."""
    upstream, exchange.upstream = exchange.upstream, None
    backend = exchange.backend
    assert upstream is not None
    assert backend is not None
    if exchange.tunnel or (clean and isinstance(exchange.download, UntilClose)):
        backend.failures = 0
        exchange.finish(reuse=False, close=True)
        return
    if exchange.answer is not None:
        truncated(exchange)
        return
    untouched = not exchange.held and not exchange.interims
    replayable = exchange.request.replayable or upstream.unheard
    if upstream.reused and untouched:  # it may just have been idle for too long: that is no failure
        backend.counts.errors += not replayable
        upstream.tell_trust()
    else:
        exchange.balancer.failed(backend)
        exchange.tried += (backend,)
    if untouched and replayable and exchange.replays < MOST_REPLAYS:
        exchange.replays += 1
        again(exchange)
    else:
        fail(exchange, 502, "the server closed the connection before it answered")


def backend_broke(exchange: "Exchange", why: str) -> None:
    """It has sent what cannot be passed on."""
    assert exchange.backend is not None
    exchange.balancer.failed(exchange.backend)
    if exchange.answer is not None:
        truncated(exchange, blame=False)
    else:
        fail(exchange, 502, f"the server's answer is no HTTP: {why}")


def truncated(exchange: "Exchange", *, blame: bool = True) -> None:
    """The rest of the answer will never come."""
    assert exchange.backend is not None
    if blame:
        exchange.balancer.failed(exchange.backend)
    _break_off(exchange)


def _break_off(exchange: "Exchange") -> None:
    """End in the middle of an answer. Who knows where it ends sees that this is not all (RFC 9112 section 8), and gets
    what is on its way, earlier answers among it; anybody else would take an orderly end for the answer's."""
    if not exchange.framed:
        exchange.client.abort()
    exchange.finish(reuse=False, close=True, linger=True)  # it was not told to send no more


def fail(exchange: "Exchange", status: int, why: str) -> None:
    """Answer in the backend's place."""
    balancer, request = exchange.balancer, exchange.request
    balancer.pool.own.answered(status)
    close = exchange.upload is not None or request.minor == 0 or not request.keep_alive or balancer.stopping
    head_only = request.method == b"HEAD"
    exchange.client.write(own_answer(status, why, balancer.dates.line(), close=close, head_only=head_only))
    if exchange.started:
        events.tell(exchange, status)
    exchange.finish(reuse=False, close=close)


# The clock


def expire(exchange: "Exchange") -> None:
    """Nothing has moved for too long (Balancer.sweep, by way of the client)."""
    if exchange.tunnel:
        exchange.finish(reuse=False, close=True)
    elif exchange.connecting is not None:
        fail(exchange, 504, "the server could not be reached in time")
    elif exchange.answer is not None:
        truncated(exchange, blame=exchange.upload is None)
    elif exchange.upload is not None and not _unsent(exchange):
        fail(exchange, 408, "the request's body took too long")
    else:
        assert exchange.backend is not None
        exchange.balancer.failed(exchange.backend)
        fail(exchange, 504, "the server did not answer in time")


def out_of_time(exchange: "Exchange") -> None:
    """The balancer stops, and waits no longer."""
    if exchange.tunnel:
        exchange.finish(reuse=False, close=True)
    else:
        _break_off(exchange)


def _unsent(exchange: "Exchange") -> bool:
    """Whether it is the backend that takes no more of the request's body."""
    return exchange.upstream is not None and exchange.upstream.transport.get_write_buffer_size() > 0


# The client


def client_broke(exchange: "Exchange", refused: Refused) -> None:
    """Its request's body is malformed: the backend must not take what it got for a whole request."""
    if exchange.answer is not None:
        _break_off(exchange)
    else:
        fail(exchange, refused.status, str(refused))


def client_half_closed(exchange: "Exchange") -> bool:
    """It will send no more; whether it can still have its answer."""
    if exchange.tunnel:
        exchange.finish(reuse=False, close=True)
        return False
    return exchange.upload is None  # half a request is none


def client_gone(exchange: "Exchange") -> None:
    """Nobody is there to be answered."""
    exchange.finish(reuse=False, close=True)
