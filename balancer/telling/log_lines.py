"""What a line of the access log looks like, in each format, and what of a session it may say. Pure.

Clients decide what is in a line, but nothing they send can end it or one of its fields. No session ID can be read
in it: a keyed hash stands in its place, in every line the same one.
"""

import re
import time
from functools import lru_cache
from hashlib import blake2b
from json.encoder import encode_basestring_ascii as quoted
from typing import NamedTuple, Protocol
from urllib.parse import unquote_to_bytes

from balancer.http1 import Request

MOST_HASHED = 4096
LEFT = 499
"""The status when the client left before there was an answer: nginx's, and outside of RFC 9110 on purpose."""

_NAME = "".join(f"(?:{c}|%(?:25)*(?:{ord(c):02x}|{ord(c.upper()):02x}))" for c in "session_id")
# PHP, Rails and others read `session_id[]=` and `session_id[a][b]=` as a list and a table of that name.
_BRACKETS = r"(?:(?:\[|%(?:25)*5b)(?:(?!%(?:25)*(?:26|3b|23|3d))[^&;#=\s\"]){0,64})?"
# Percent-encoded once for each URL that this one is inside of; then so are the ends of the value.
_SESSION = re.compile(
    rf"(?i)({_NAME}{_BRACKETS}(?:=|%((?:25)*)3d))((?(2)(?:(?!%\2(?:26|3b|23))[^&;#\s\"])*|[^&;#\s\"]*))".encode()
)


class Pseudonyms:
    """The names that sessions have in the log: hashes that only the owner of the key can find an ID for."""

    def __init__(self, key: bytes) -> None:
        self._key = blake2b(key).digest()  # a key of any length
        self.of = lru_cache(MOST_HASHED)(self._of)

    def _of(self, session: bytes) -> str:
        return blake2b(session.strip(b' \t"'), digest_size=8, key=self._key).hexdigest()

    def masked(self, text: bytes) -> bytes:
        """The text with `session_id=~HASH` for every `session_id=ID`, however that is percent-encoded."""
        if b"%" not in text and b"session_id" not in text.lower():
            return text
        return _SESSION.sub(lambda match: match[1] + b"~" + self.of(_decoded(match[3])).encode(), text)


def _decoded(value: bytes) -> bytes:
    while (once := unquote_to_bytes(value)) != value:
        value = once
    return value


class Entry(NamedTuple):
    """A request that is over: what its head does not say. `ms`: milliseconds, None if it was refused unread."""

    time: float
    status: int
    bytes: int
    """Written to the client, heads included (HAProxy's %B, nginx's $bytes_sent)."""
    ms: float | None = None
    backend: str | None = None
    """The one that answered, or that was tried last."""
    policy: str | None = None
    own: bool = True
    """The balancer answered in the backend's place."""
    outcome: str | None = None
    issued: str | None = None
    """The pseudonym of the session ID that the answer hands out."""
    retries: int = 0
    moved: str | None = None
    refused: str | None = None


class Format(Protocol):
    def head(self, request: Request) -> tuple[str, ...]:
        """What a line says of the head: the same each time it is repeated."""

    def line(self, head: tuple[str, ...], entry: Entry) -> str:
        """With its end."""


class JsonLines:
    """One JSON object a line, always with the same keys."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms

    def head(self, request: Request) -> tuple[str, ...]:
        target = self._pseudonyms.masked(request.target).decode("latin-1")
        session = self._pseudonyms.of(request.session) if request.session is not None else None
        return (
            f'"client":{quoted(request.client)},"method":"{request.method.decode()}","target":{quoted(target)},'
            f'"session":{_text(session)}',
        )

    def line(self, head: tuple[str, ...], entry: Entry) -> str:
        when, status, count, ms, backend, policy, own, outcome, issued, retries, moved, refused = entry
        return (
            f'{{"time":"{_rfc3339(int(when))}.{int(when * 1000) % 1000:03d}Z",{head[0]},"status":{status},'
            f'"bytes":{count},"ms":{"null" if ms is None else f"{ms:.3f}"},"backend":{_text(backend)},'
            f'"policy":{_text(policy)},"own":{"true" if own else "false"},"outcome":{_text(outcome)},'
            f'"issued":{_text(issued)},"retries":{retries},"moved":{_text(moved)},"refused":{_text(refused)}}}\n'
        )


class Combined:
    """Apache's and nginx's "combined" format; the session's pseudonym stands where they have the user's name."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms

    def head(self, request: Request) -> tuple[str, ...]:
        session = self._pseudonyms.of(request.session) if request.session is not None else "-"
        line = f"{request.method.decode()} {self._shown(request.target)} HTTP/1.{request.minor}" if request.raw else "-"
        referer, agent = (self._shown(match[1]) if (match := p.search(request.kept)) else "-" for p in _SENT_ALONG)
        return f"{self._shown(request.client.encode())} - {session} [", f'] "{line}" ', f' "{referer}" "{agent}"\n'

    def line(self, head: tuple[str, ...], entry: Entry) -> str:
        return f"{head[0]}{_clf(int(entry.time))}{head[1]}{entry.status} {entry.bytes}{head[2]}"

    def _shown(self, text: bytes) -> str:
        masked = self._pseudonyms.masked(text)
        return _UNSHOWN.sub(lambda match: f"\\x{ord(match[0]):02X}", masked.decode("latin-1"))


FORMATS: dict[str, type[JsonLines] | type[Combined]] = {"json": JsonLines, "combined": Combined}

_SENT_ALONG = tuple(re.compile(rb"(?i)\r\n" + name + rb":[ \t]*([^\r]*)") for name in (b"referer", b"user-agent"))
_UNSHOWN = re.compile(r"[^ !#-\[\]-~]")  # nginx writes these as \xHH, too: control characters, `"`, `\`, bytes above 7E


def _text(value: str | None) -> str:
    return "null" if value is None else quoted(value)


@lru_cache(2)
def _rfc3339(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


@lru_cache(2)
def _clf(second: int) -> str:
    """As in Apache's common log format: the month's English name, whatever the locale."""
    year, month, day, hour, minute, s = time.gmtime(second)[:6]
    return f"{day:02}/{_MONTHS[month - 1]}/{year}:{hour:02}:{minute:02}:{s:02} +0000"


_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
