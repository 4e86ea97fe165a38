"""The balancer's own cookie, by which a user's server is known again: its options, its name, its values. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from typing import NamedTuple

SESSION_COOKIE = "session_id"
MOST_AGE = 400 * 86400
"""Browsers keep no cookie longer (RFC 6265bis section 5.5)."""
PERIODS = 8
"""A max age is counted in so many periods: a cookie lives up to one of them longer than it was told."""

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}")
_VALUES = {
    "path": re.compile(r"/[!-:<-~]*"),
    "domain": re.compile(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"),
    "samesite": re.compile(r"(?i:strict|lax|none)"),
    "secure": None,
    "httponly": None,
    "partitioned": None,
}
_VALUE = re.compile(rb"([0-9a-f]{16})([0-9a-f]{8})?([0-9a-f]{16})")


@dataclass(frozen=True, kw_only=True)
class StickyOptions:
    """How users stay with their server.

    `mode` soft: users of a server that is down are moved; hard: they get 503 until it is back. `max_age` in seconds,
    0: as long as the browser runs. `fallback` is the policy that chooses for new users, and for those who are moved.
    """

    mode: str = "soft"
    cookie_name: str = "lab_server"
    cookie_attributes: str = "Path=/; HttpOnly; SameSite=Lax"
    max_age: int = 0
    fallback: str = "round_robin"

    def problems(self) -> Iterator[tuple[str, str]]:
        """What cannot work: the balancer's setting, and what is wrong with it."""
        if self.mode not in ("soft", "hard"):
            yield "sticky", f"it is soft or hard, not {self.mode!r}"
        if self.fallback == "sticky_cookie":
            yield "sticky_fallback", "it chooses for users without a cookie: any policy but sticky_cookie"
        if not 0 <= self.max_age <= MOST_AGE:
            yield "sticky_max_age", f"must be a number of seconds, {MOST_AGE} (400 days) at most, not {self.max_age}"
        if _NAME.fullmatch(self.cookie_name) is None:
            yield "sticky_cookie_name", f"a cookie's name is a word such as lab_server, not {self.cookie_name!r}"
        if self.cookie_name == SESSION_COOKIE:
            yield "sticky_cookie_name", f"{SESSION_COOKIE} is the servers' own cookie; choose another name"
        for said in _attribute_problems(self.cookie_name.lower(), self.cookie_attributes):
            yield "sticky_cookie_attributes", said


def _attribute_problems(cookie: str, text: str) -> Iterator[str]:
    given: dict[str, str] = {}
    for part in text.split(";") if text.strip() else ():
        key, equals, value = part.strip().partition("=")
        name = key.lower()
        if name in ("max-age", "expires"):
            yield f"how long the cookie lives is told by sticky-max-age, not by {key}"
        elif name not in _VALUES or name in given:
            yield f"there may be {', '.join(_VALUES)}, each once, not {part.strip()!r}"
        else:
            pattern = _VALUES[name]
            if bool(equals) != (pattern is not None) or (pattern is not None and pattern.fullmatch(value) is None):
                yield f"browsers do not take {part.strip()!r}"
        given[name] = value
    if given.get("samesite", "").lower() == "none" and "secure" not in given:
        yield "browsers take SameSite=None only together with Secure; add it"
    # RFC 6265bis section 4.1.3: such names promise something, and browsers hold us to it.
    if cookie.startswith("__secure-") and "secure" not in given:
        yield f"a cookie called {cookie} must be Secure"
    host_only = given.get("path") == "/" and "domain" not in given
    if cookie.startswith("__host-") and not ("secure" in given and host_only):
        yield f"a cookie called {cookie} must have Secure, Path=/ and no Domain"


class Told(NamedTuple):
    """What a cookie's value says: whose user this is (`AffinityCookie.key`), and how many periods ago it was given."""

    key: bytes
    age: int


class AffinityCookie:
    """Values are hex: a keyed hash of the server's name, the period it was given in (only with a max age), and a MAC.

    They show nobody an address. The MAC tells what was ours once from what never was, as after a restart with another
    secret. Nothing is protected by it: whoever invents a value is only given a server like everybody else.
    """

    def __init__(self, secret: bytes, options: StickyOptions) -> None:
        self._secret = secret
        self._period = options.max_age / PERIODS
        self.name = options.cookie_name
        name = options.cookie_name.encode()
        # An expression that begins with plain text is searched for four times as fast, so what may stand before the
        # name is looked at behind it.
        begun = re.escape(name) + b"="
        self.find = re.compile(begun + rb"(?<![^; \t]" + begun + rb")([^;]*)").search
        """Its value in a Cookie field is group 1 of this."""
        attributes = [part.strip() for part in options.cookie_attributes.split(";") if part.strip()]
        if options.max_age:
            attributes.append(f"Max-Age={options.max_age}")
        self._before, self._after = name + b"=", "".join(f"; {each}" for each in attributes).encode()

    def key(self, server: str) -> bytes:
        return self._hash(server.encode(), b"server")

    def value(self, server: str, now: float) -> bytes:
        told = self.key(server)
        if self._period:
            told += b"%08x" % int(now / self._period)
        return told + self._hash(told, b"mac")

    def set_cookie(self, server: str, now: float) -> bytes:
        """What Set-Cookie says to a user of this server."""
        return self._before + self.value(server, now) + self._after

    def read(self, value: bytes, now: float) -> Told | None:
        """None: this was never ours."""
        match = _VALUE.fullmatch(value)
        if match is None:
            return None
        key, stamp, mac = match.groups(b"")
        if not compare_digest(self._hash(key + stamp, b"mac"), mac):
            return None
        if not self._period:
            return Told(key, 0)
        return Told(key, int(now / self._period) - int(stamp, 16) if stamp else PERIODS)  # from before a restart

    def _hash(self, data: bytes, what: bytes) -> bytes:
        return blake2b(data, digest_size=8, key=self._secret, person=what).hexdigest().encode()
