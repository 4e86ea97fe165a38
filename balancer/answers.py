"""Heads of answers as clients get them: a backend's, rewritten where needed, and the balancer's own. Pure."""

from http import HTTPStatus

from balancer.http1 import CHUNKED, UNTIL_CLOSE, Request, Response


def final_head(
    answer: Response, request: Request, set_cookie: bytes | None, busy: bool, date: bytes
) -> tuple[bytes, bool]:
    """The head of a backend's final answer for this client, and whether the client's connection ends after it.

    `busy`: it must end, because the request is not all here yet, or the balancer is stopping. `date`: the line that
    says when the answer came (dates.py), for one that does not say when it was made.
    """
    head, old = answer.kept, request.minor == 0
    if not answer.dated:
        head += date
    if set_cookie is not None:
        head += b"Set-Cookie: " + set_cookie + b"\r\n"
    if old:  # HTTP/1.0 knows no chunks: the content goes on bare, until the close
        lines = head.split(b"\r\n")
        head = b"\r\n".join(line for line in lines if not line.lower().startswith(b"transfer-encoding:"))
    unframed = answer.length == UNTIL_CLOSE or (old and answer.length == CHUNKED)
    close = busy or unframed or not request.keep_alive
    if close:
        head += b"Connection: close\r\n"
    elif old:
        head += b"Connection: keep-alive\r\n"
    return head + b"\r\n", close


def own_answer(status: int, why: str, date: bytes, *, close: bool, head_only: bool = False) -> bytes:
    """A whole response in plain text, with this line that says when it was made; 503 says when to come back."""
    body = f"{status} {HTTPStatus(status).phrase}: {why}\n".encode()
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        date.decode().rstrip(),
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
    ]
    if status == 503:
        lines.append("Retry-After: 1")
    if status in (200, 405):
        lines.append("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
    if close:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if head_only else body)
