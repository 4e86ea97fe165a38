"""Where a final answer begins in what a backend has sent: after the 1xx answers, which are passed on before it."""

from typing import TYPE_CHECKING

from balancer.http1 import MAX_HEAD, Refused, Response, parse_response
from balancer.quick import quick_response
from balancer.unfinished import refuse_hopeless_answer

if TYPE_CHECKING:
    from balancer.proxy import Exchange

MOST_INTERIM = 16
"""1xx responses before the final one."""


def final_answer(exchange: "Exchange", data: bytes) -> tuple[bytes, Response | None]:
    """The data from the final answer's head on, and that head; None: it is not whole yet. Raises Refused."""
    request, upstream = exchange.request, exchange.upstream
    assert upstream is not None
    strip = exchange.balancer.config.strip_session_headers
    known = len(exchange.held)
    answer = None if exchange.held or strip else quick_response(data, request.method)
    while answer is None:
        end = data.find(b"\r\n\r\n") + 4
        if end < 4 or end > MAX_HEAD:
            if len(data) > MAX_HEAD:
                raise Refused(502, "its head is too long")
            refuse_hopeless_answer(data, known)
            return data, None
        answer = parse_response(data[:end], request.method, strip)
        if answer.status == 101:
            if not request.websocket or answer.upgrade.lower() != b"websocket":
                raise Refused(502, "it switched protocols unasked")
            return data, answer
        if answer.status < 200:
            data, known = data[end:], 0
            pass_on(exchange, answer)
            answer = None
    if len(answer.raw) > MAX_HEAD:
        raise Refused(502, "its head is too long")
    upstream.seen = answer if request.method != b"HEAD" else None
    return data, answer


def pass_on(exchange: "Exchange", answer: Response) -> None:
    """An interim answer, for clients that know what it is (RFC 9110 section 15.2). Whoever sends one is at work, so the
    time for the answer begins anew; at the bytes of a head that is not whole it does not (slow loris, from behind)."""
    exchange.interims += 1
    if exchange.interims > MOST_INTERIM:
        raise Refused(502, "too many interim answers")
    exchange.client.deadline = exchange.balancer.answer_due
    if exchange.request.minor == 1:
        exchange.client.write(answer.kept + b"\r\n")
