"""The second short cut: heads that say what an earlier one said, but for the request line and a few plain fields. Pure.

A browser sends the same fields with every click, and another target, Referer and Sec-Fetch-* with each. What comes
before and after the fields that change has been proven once, and is compared; only what lies between is proven anew.
Where this file says yes, quick.py would have said the same (tests/balancer/test_alike.py).
"""

from collections.abc import Iterable
from itertools import takewhile

from balancer.http1 import IDEMPOTENT, MAX_HEAD, Request
from balancer.quick import FREE_FIELDS, NOT_PLAIN, REQUEST_LINE, quick_request


class Alike:
    """What two heads without a body have in common, `ours` being what is added to them for the backend."""

    __slots__ = ("_after", "_before", "_kept_after", "_kept_before", "_model", "_ours")

    def __init__(self, model: Request, before: list[bytes], after: list[bytes], ours: bytes) -> None:
        self._model = model
        self._before, self._kept_before = _block(before), _block(map(_passed_on, before))
        self._after, self._kept_after = _block(after) + b"\r\n", _block(map(_passed_on, after))
        self._ours = b"".join((ours, b"X-Forwarded-Host: ", model.host, b"\r\n\r\n"))

    @classmethod
    def of(cls, old: Request, new: Request, ours: bytes) -> "Alike | None":
        """None: they have too little in common, or differ in more than fields that mean nothing to a proxy."""
        if new.length or quick_request(old.raw) is None:
            return None
        one, other = old.raw[:-4].split(b"\r\n")[1:], new.raw[:-4].split(b"\r\n")[1:]
        before = _common(one, other)
        one, other = one[before:], other[before:]
        after = _common(one[::-1], other[::-1])
        for between in (one[: len(one) - after], other[: len(other) - after]):
            if FREE_FIELDS.fullmatch(_block(between)) is None:
                return None
        lines = new.raw[:-4].split(b"\r\n")[1:]
        alike = cls(new, lines[:before], lines[len(lines) - after :], ours)
        return alike if 2 * (len(alike._before) + len(alike._after)) > len(new.raw) else None

    def request(self, data: bytes) -> Request | None:
        """The plain request that is all of `data`, with its head as the backend gets it; None: look closer."""
        before, after = self._before, self._after
        end = data.find(b"\r\n") + 2
        start, stop = end + len(before), len(data) - len(after)
        if start > stop or not data.startswith(before, end) or not data.endswith(after) or len(data) > MAX_HEAD:
            return None
        line = REQUEST_LINE.fullmatch(data, 0, end)
        if line is None or FREE_FIELDS.fullmatch(data, start, stop) is None:
            return None
        method, target = line.groups()
        if method in NOT_PLAIN:
            return None
        model = self._model
        kept = b"".join((data[:end], self._kept_before, data[start:stop], self._kept_after))
        request = Request(
            data, method, target, model.host, kept, 0, model.keep_alive, 1, False, model.cookie, model.session,
            method in IDEMPOTENT, len(data), method != b"HEAD",
        )  # fmt: skip
        request.wire = kept + self._ours
        return request


def _common(one: list[bytes], other: list[bytes]) -> int:
    """Lines that both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _block(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\r\n" for line in lines if line)


def _passed_on(line: bytes) -> bytes:
    """Empty for the one field of a plain head that ends at a proxy."""
    return b"" if line[:11].lower() == b"connection:" else line
