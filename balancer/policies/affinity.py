"""The balancer's own cookie, by which a user's server is known again: its name and its values. Pure."""

import re
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from typing import NamedTuple

from balancer.policies.sticky_options import StickyOptions

PERIODS = 8
"""A max age is counted in so many periods: a cookie lives up to one of them longer than it was told."""

MOST_REMEMBERED = 4096
"""Servers' keys and values that are not worked out anew for every change among the servers."""

_VALUE = re.compile(rb"([0-9a-f]{16})([0-9a-f]{8})?([0-9a-f]{16})")


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
        return self._value(server, b"%08x" % int(now / self._period) if self._period else b"")

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
        if not self._period:
            return Told(key, 0)
        return Told(key, int(now / self._period) - int(stamp, 16) if stamp else PERIODS)  # from before a restart

    def _hash(self, data: bytes, what: bytes) -> bytes:
        return blake2b(data, digest_size=8, key=self._secret, person=what).hexdigest().encode()
