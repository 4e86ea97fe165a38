"""The Date field: when an answer was made, or came here without one (RFC 9110 section 6.6.1). Pure."""

from collections.abc import Callable
from wsgiref.handlers import format_date_time


class Dates:
    """Writes the time by `wall`, in seconds since 1970. One second's answers share what is written once."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._second = -1
        self._line = b""

    def line(self) -> bytes:
        """`Date: Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate, RFC 9110 section 5.6.7), its CRLF included."""
        second = int(self._wall())
        if second != self._second:
            self._second = second
            self._line = f"Date: {format_date_time(second)}\r\n".encode()
        return self._line
