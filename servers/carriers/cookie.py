"""The wristband: a cookie that scripts cannot read (RFC 6265)."""

from collections.abc import Mapping
from dataclasses import dataclass

from servers.carriers.base import Header


@dataclass(frozen=True)
class CookieCarrier:
    name: str = "session_id"

    def read(self, headers: Mapping[str, str]) -> str | None:
        """The first cookie of that name: browsers send the more specific path first (RFC 6265, 5.4)."""
        sent = headers.get("Cookie")
        if sent is None:
            return None
        for pair in sent.split(";"):  # http.cookies would cost ten times as much on every request
            name, _, value = pair.partition("=")
            if name.strip() == self.name:
                return value.strip().strip('"') or None
        return None

    def write(self, id: str, *, secure: bool) -> Header:
        return "Set-Cookie", f"{self.name}={id}; HttpOnly; SameSite=Lax; Path=/{_secure(secure)}"

    def erase(self, *, secure: bool) -> Header:
        return "Set-Cookie", f"{self.name}=; Max-Age=0; HttpOnly; SameSite=Lax; Path=/{_secure(secure)}"


def _secure(secure: bool) -> str:
    return "; Secure" if secure else ""
