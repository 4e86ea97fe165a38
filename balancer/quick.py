"""The short cut for plain heads: one compiled expression proves a whole head at C speed. Pure.

It is the first step of the fast path, which most requests take from end to end:

    where                        leaves the path, for the long way, when
    front  Client.data_received  something is pending, or the body is not all here (bodies.all_chunks)
    heads  Heads.seen            never: the last head again needs no proof (`alike.py`: nearly the last head)
    here   quick_request         the head is not plain -> http1.parse_request
    proxy  Exchange.begin        nobody can be picked (trouble.py), or no connection is at rest -> connect
    proxy  Exchange.send         never: one write
    upstream data_received       the answer is not one piece after a head known before -> Exchange.receive
    proxy  deliver_whole         never: count, one write, connection to rest, ready for the next request

A plain request: origin-form, HTTP/1.1, one Host, and only fields that mean nothing to a proxy, beside at most one
Connection: keep-alive, one Cookie, and one framing field. They go on as the bytes they came in: nothing has
to be taken apart. Whatever is not plain gives None and goes through the strict parsers in `http1.py`; where this file
says yes, it must say what `http1.py` says (tests/balancer/test_quick.py compares them on generated heads).
"""

import re
import sys
from string import ascii_lowercase

from balancer.fields import TEXT, TOKEN
from balancer.http1 import (
    CHUNKED,
    HOST,
    IDEMPOTENT,
    OUTCOMES_BY_NAME,
    SESSION,
    TARGET,
    UNTIL_CLOSE,
    Request,
    Response,
)  # fmt: skip


def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    # Before 3.11.5 possessive loops could lose groups (gh-101955). Greedy ones find the same, only slower: no line
    # here can match in two ways.
    if sys.version_info < (3, 11, 5):
        pattern = pattern.replace(b"}+", b"}").replace(b"*+", b"*").replace(b"++", b"+")
    return re.compile(pattern)


def _fields(watched: bytes, special: bytes = b"") -> bytes:
    """A field line: any that is not watched, which the first letter settles for most, or a special one."""
    line = TOKEN + rb"*+:" + TEXT + rb"*+\r\n"
    others: dict[str, list[bytes]] = {}
    for name in watched.split():
        others.setdefault(chr(name[0]), []).append(name[1:].replace(b"-", b"[^0-9A-Za-z:]"))
    harmless = "".join(c + c.upper() for c in ascii_lowercase if c not in others).encode()
    kinds = [rb"[!#$%&'*+.^_`|~0-9" + harmless + rb"\-]" + line]
    kinds += [
        f"[{c}{c.upper()}]".encode() + rb"(?!(?i:" + b"|".join(ends) + rb"))" + line for c, ends in others.items()
    ]
    return rb"(?:" + b"|".join(kinds) + special + rb")"


# A group begins where the line is proven to be its own: `re` lets an attempt that fails move the start of a group that
# has matched before, inside a possessive loop ("The span of capturing group is wrong").
_BEFORE = len("Connection: ")

_WATCHED = (
    b"connection: content-length: cookie: expect: forwarded: host: http2-settings: keep-alive: proxy: proxy- te: "
    b"transfer-encoding: upgrade: x-forwarded- x-real-ip:"
)
_LINE = rb"(" + TOKEN + rb"{1,32}+) (" + TARGET + rb") HTTP/1\.1\r\n"
REQUEST_LINE = _compiled(_LINE)
FREE_FIELDS = _compiled(_fields(_WATCHED) + rb"{0,9}+")
"""A few fields of a request that mean nothing to a proxy."""

# In each pattern, `(?(N)(?!))` makes a second field of the same kind no match, `(?(N)|(?!))` a missing one.
_REQUEST = _compiled(
    _LINE
    + _fields(
        _WATCHED,
        rb"|[Hh]ost: (?(3)(?!))(" + HOST + rb")\r\n"
        rb"|[Cc]ontent-[Ll]ength: (?(4)(?!))(?(8)(?!))(0|[1-9][0-9]{0,14})\r\n"
        rb"|[Cc]ookie: (?(5)(?!))([!-~\x80-\xff](?:" + TEXT + rb"*[!-~\x80-\xff])?)\r\n"
        rb"|[Cc]onnection: (?(6)(?!))((?:[Kk]eep-[Aa]live|([Cc]lose))\r\n)"
        rb"|[Tt]ransfer-[Ee]ncoding: (?(4)(?!))(?(8)(?!))(chunked)\r\n",
    )
    + rb"{0,90}+\r\n(?(3)|(?!))"
)  # fmt: skip
_RESPONSE = _compiled(
    rb"HTTP/1\.1 ([2-5][0-9][0-9]) " + TEXT + rb"*+\r\n"
    + _fields(
        b"connection: content-length: keep-alive: proxy- session-outcome: session-age: te: transfer-encoding: upgrade: "
        b"http2-settings:",
        rb"|[Cc]ontent-[Ll]ength: (?(2)(?!))(?(6)(?!))(0|[1-9][0-9]{0,14})\r\n"
        rb"|[Ss]ession-[Oo]utcome: (?(3)(?!))([a-z_]+)\r\n"
        rb"|[Ss]ession-[Aa]ge: (?(4)(?!))([0-9](?:[0-9. ]*[0-9])?)\r\n"
        rb"|[Cc]onnection: (?(5)(?!))([Kk]eep-[Aa]live\r\n(?:[Kk]eep-[Aa]live:" + TEXT + rb"*+\r\n)?+)"
        rb"|[Tt]ransfer-[Ee]ncoding: (?(2)(?!))(?(6)(?!))(chunked)\r\n",
    )
    + rb"{0,90}+\r\n"
)  # fmt: skip
NOT_PLAIN = frozenset({b"CONNECT", b"TRACE", b"OPTIONS"})
_NO_CONTENT = frozenset({b"204", b"304"})


def quick_request(data: bytes) -> Request | None:
    """The plain request whose head `data` begins with; None: not plain, or not whole yet."""
    match = _REQUEST.match(data)
    if match is None:
        return None
    method, target, host, length, cookie, connection, close, chunked = match.groups()
    if method in NOT_PLAIN:
        return None
    raw = match[0]
    if connection is None:
        kept = raw[:-2]
    else:
        start, end = match.span(6)
        kept = raw[: start - _BEFORE] + raw[end:-2]
    session = SESSION.search(cookie) if cookie is not None else None
    size = 0 if length is chunked else int(length) if length is not None else CHUNKED
    # By place, not by name: half a microsecond less.
    return Request(
        raw, method, target, host, kept, size, close is None, 1, False, cookie or b"",
        session[1] if session is not None else None, method in IDEMPOTENT,
        len(raw) + size if size >= 0 else CHUNKED, method != b"HEAD",
    )  # fmt: skip


def quick_response(data: bytes, method: bytes) -> Response | None:
    """The plain response whose head `data` begins with, as an answer to `method`; None: not plain, or not whole."""
    match = _RESPONSE.match(data)
    if match is None:
        return None
    status, length, outcome, age, connection, chunked = match.groups()
    if status == b"204" and (chunked is not None or length is not None):
        return None
    raw = match[0]
    if connection is None:
        kept = raw[:-2]
    else:
        start, end = match.span(5)
        kept = raw[: start - _BEFORE] + raw[end:-2]
    if method == b"HEAD" or status in _NO_CONTENT:
        size = 0
    elif length is not None:
        size = int(length)
    else:
        size = CHUNKED if chunked is not None else UNTIL_CLOSE
    outcome = OUTCOMES_BY_NAME.get(outcome) if outcome is not None else None
    # `rfind`: less than half of what `in` costs, which first asks whether it is a number that is looked for.
    dated = raw.rfind(b"\r\nDate: ") > 0 or raw.lower().rfind(b"\r\ndate:") > 0
    whole = len(raw) + size if dated and size >= 0 else -1
    return Response(
        raw, int(status), kept, size, size != UNTIL_CLOSE, connection is None, dated, whole, outcome, age or b""
    )  # fmt: skip
