"""The balancer's own answers. Pure."""

from http import HTTPStatus


def own_answer(status: int, why: str, *, close: bool, head_only: bool = False) -> bytes:
    """A whole response in plain text; 503 says when to come back."""
    body = f"{status} {HTTPStatus(status).phrase}: {why}\n".encode()
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
    ]
    if status == 503:
        lines.append("Retry-After: 1")
    if status == 405:
        lines.append("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
    if close:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if head_only else body)
