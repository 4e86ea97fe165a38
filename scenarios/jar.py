"""The cookie jar of a virtual user: what RFC 6265 section 5 makes browsers do. Pure, with a clock passed in.

Written here and not taken from aiohttp because what a browser keeps, drops and sends back is what a logout is
made of: aiohttp's jar has no size limit, reads the wall clock, and accepts what browsers refuse.
"""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

MAX_COOKIE_BYTES = 4096
"""Name plus value; longer cookies are ignored whole (RFC 6265bis section 5.6, step 5)."""


@dataclass(frozen=True)
class Cookie:
    """One stored cookie (RFC 6265 section 5.3); `expires` in seconds of the jar's clock, None = at exit."""

    name: str
    value: str
    domain: str
    host_only: bool
    path: str
    secure: bool
    http_only: bool
    expires: float | None


class Jar:
    """The cookies of one browser. `clock` gives seconds since the epoch."""

    def __init__(self, clock: Callable[[], float], cookies: Iterable[Cookie] = ()) -> None:
        self._clock = clock
        self._cookies = {(c.name, c.domain, c.path): c for c in cookies}

    def __repr__(self) -> str:
        return f"Jar({', '.join(f'{c.name}={c.value[:12]}' for c in self._cookies.values())})"

    def copy(self) -> "Jar":
        """The same cookies in another browser."""
        return Jar(self._clock, self._cookies.values())

    def clear(self) -> None:
        self._cookies.clear()

    def value(self, name: str) -> str | None:
        """The value of the cookie called `name`, or None."""
        return next((c.value for c in self._alive() if c.name == name), None)

    def visible_to_scripts(self) -> list[str]:
        """Names that document.cookie would show: not the HttpOnly ones."""
        return [c.name for c in self._alive() if not c.http_only]

    def store(self, set_cookies: Iterable[str], *, host: str, path: str, secure: bool) -> None:
        """Take the `Set-Cookie` values of an answer from `host` to a request for `path` (RFC 6265 section 5.3)."""
        for text in set_cookies:
            cookie = parse_set_cookie(text, host=host, path=path, now=self._clock())
            if cookie is None or (cookie.secure and not secure):
                continue
            key = (cookie.name, cookie.domain, cookie.path)
            if cookie.expires is not None and cookie.expires <= self._clock():
                self._cookies.pop(key, None)
            else:
                self._cookies[key] = cookie

    def header(self, *, host: str, path: str, secure: bool) -> str:
        """The `Cookie` header for a request, longest paths first (RFC 6265 section 5.4); "" when there is none."""
        sent = [
            c
            for c in self._alive()
            if (host == c.domain if c.host_only else domain_matches(host, c.domain))
            and path_matches(path, c.path)
            and (secure or not c.secure)
        ]
        sent.sort(key=lambda c: -len(c.path))
        return "; ".join(f"{c.name}={c.value}" for c in sent)

    def _alive(self) -> list[Cookie]:
        now = self._clock()
        return [c for c in self._cookies.values() if c.expires is None or c.expires > now]


def parse_set_cookie(text: str, *, host: str, path: str, now: float) -> Cookie | None:
    """The cookie a browser makes of one `Set-Cookie` value (RFC 6265 section 5.2), or None if it ignores it."""
    pair, *attributes = text.split(";")
    name, equals, value = pair.partition("=")
    name, value = name.strip(), value.strip()
    if not equals or not name or len(name) + len(value) > MAX_COOKIE_BYTES:
        return None
    cookie = Cookie(name, value, host, True, default_path(path), False, False, None)
    max_age_seen = False
    for attribute in attributes:
        key, _, argument = (part.strip() for part in attribute.partition("="))
        match key.lower():
            case "secure":
                cookie = replace(cookie, secure=True)
            case "httponly":
                cookie = replace(cookie, http_only=True)
            case "path":
                cookie = replace(cookie, path=argument if argument.startswith("/") else default_path(path))
            case "domain" if argument.strip("."):
                domain = argument.removeprefix(".").lower()
                if not domain_matches(host, domain):
                    return None
                cookie = replace(cookie, domain=domain, host_only=False)
            case "max-age" if argument.removeprefix("-").isdecimal():
                # Max-Age wins over Expires, wherever it stands (section 5.3, step 3).
                max_age_seen = True
                cookie = replace(cookie, expires=now + int(argument) if int(argument) > 0 else -1.0)
            case "expires" if not max_age_seen:
                cookie = replace(cookie, expires=_date(argument))
            case _:
                pass
    if name.startswith("__Secure-") and not cookie.secure:
        return None
    if name.startswith("__Host-") and not (cookie.secure and cookie.host_only and cookie.path == "/"):
        return None
    return cookie


def default_path(request_path: str) -> str:
    """RFC 6265 section 5.1.4: the request's path up to, not including, its last slash."""
    return request_path[: request_path.rfind("/")] or "/" if request_path.startswith("/") else "/"


def path_matches(request_path: str, cookie_path: str) -> bool:
    """RFC 6265 section 5.1.4."""
    if not request_path.startswith(cookie_path):
        return False
    return request_path == cookie_path or cookie_path.endswith("/") or request_path[len(cookie_path)] == "/"


def domain_matches(host: str, domain: str) -> bool:
    """RFC 6265 section 5.1.3: the same host, or a subdomain; never a suffix of an IP address."""
    if host == domain:
        return True
    return host.endswith("." + domain) and not _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
