"""What can be asked of sticky_cookie, and what of it can work. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

SESSION_COOKIE = "session_id"
MOST_AGE = 400 * 86400
"""Browsers keep no cookie longer (RFC 6265bis section 5.5)."""

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}")
_VALUES = {
    "path": re.compile(r"/[!-:<-~]*"),
    "domain": re.compile(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"),
    "samesite": re.compile(r"(?i:strict|lax|none)"),
    "secure": None,
    "httponly": None,
    "partitioned": None,
}


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
            yield "sticky_max_age", f"must be a number of seconds from 0 to {MOST_AGE} (400 days), not {self.max_age}"
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
    # Both are for pages of other sites (RFC 6265bis; CHIPS, which is Partitioned).
    for_others = ["SameSite=None"] if given.get("samesite", "").lower() == "none" else []
    for_others += ["Partitioned"] if "partitioned" in given else []
    if for_others and "secure" not in given:
        yield f"browsers take {' and '.join(for_others)} only together with Secure; add it"
    # RFC 6265bis section 4.1.3: such names promise something, and browsers hold us to it.
    if cookie.startswith("__secure-") and "secure" not in given:
        yield f"a cookie called {cookie} must be Secure"
    host_only = given.get("path") == "/" and "domain" not in given
    if cookie.startswith("__host-") and not ("secure" in given and host_only):
        yield f"a cookie called {cookie} must have Secure, Path=/ and no Domain"
