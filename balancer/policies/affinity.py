"""The balancer's own cookie, by which a user's server is known again: its name and its values. Pure."""

import re
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from typing import NamedTuple

from balancer.policies.sticky_options import StickyOptions

PERIODS = 8
"""Cookies are made anew so often while their max age passes; each is handed out until the next one is made, and lives
so much longer than it was told."""

MOST_REMEMBERED = 4096
"""Servers' keys and values that are not worked out anew for every change among the servers."""

_VALUE = re.compile(rb"([0-9a-f]{16})([0-9a-f]{8}|[0-9a-f]{16})?([0-9a-f]{16})")


class Told(NamedTuple):
    """What a cookie's value says: whose user this is (`AffinityCookie.key`), whether it came back too late, and whether
    it is to be renewed."""

    key: bytes
    expired: bool = False
    fading: bool = False


class AffinityCookie:
    """Values are hex: a keyed hash of the server's name, a stamp, and a MAC.

    The stamp, only with a max age, is the second since 1970 in which it was made, and that max age. Balancers of one
    secret may have different ones, as before and after a restart: each holds to what the user's browser was told.

    They show nobody an address. The MAC tells what was ours once from what never was, as after a restart with another
    secret. Nothing is protected by it: whoever invents a value is only given a server like everybody else.
    """

    def __init__(self, secret: bytes, options: StickyOptions) -> None:
        self._secret = secret
        self._max_age = options.max_age
        self.name = options.cookie_name
        name = options.cookie_name.encode()
        # An expression that begins with plain text is searched for four times as fast, so what may stand before the
        # name is looked at behind it.
        begun = re.escape(name) + b"="
        pattern = re.compile(begun + rb"(?<![^; \t]" + begun + rb")([^;]*)")
        self.find, self.find_all = pattern.search, pattern.finditer
        """Its value in a Cookie field is group 1 of this. There may be several: RFC 6265 section 5.4 sends those of
        longer paths and older ones first, and a server cannot tell them apart."""
        attributes = [part.strip() for part in options.cookie_attributes.split(";") if part.strip()]
        if options.max_age:
            attributes.append(f"Max-Age={options.max_age}")
        self.key = lru_cache(MOST_REMEMBERED)(self._key)
        """What a value tells of its server."""
        self._value = lru_cache(MOST_REMEMBERED)(self._value_of)
        self._before, self._after = name + b"=", "".join(f"; {each}" for each in attributes).encode()

    def _key(self, server: str) -> bytes:
        return self._hash(server.encode(), b"server")

    def value(self, server: str, now: float) -> bytes:
        return self._value(server, b"%08x%08x" % (int(now), self._max_age) if self._max_age else b"")

    def _value_of(self, server: str, stamp: bytes) -> bytes:
        told = self.key(server) + stamp
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
        if len(stamp) < 16:  # from when no max age was asked for, or (8 digits) from before such stamps were made
            return Told(key, fading=len(stamp) > 0 or self._max_age > 0)
        age, max_age = int(now) - int(stamp[:8], 16), int(stamp[8:], 16)
        late = max_age / PERIODS + 2  # both seconds were rounded, and clocks are looked at now and then
        expired = not -late < age < max_age + late  # below 0: made by another balancer, whose clock is fast
        return Told(key, expired, fading=max_age != self._max_age or 2 * age >= max_age)

    def _hash(self, data: bytes, what: bytes) -> bytes:
        return blake2b(data, digest_size=8, key=self._secret, person=what).hexdigest().encode()
