"""How a session's ID travels between browser and server. Pure: no I/O, no clock."""

from collections.abc import Mapping
from typing import Protocol

Header = tuple[str, str]


class Carrier(Protocol):
    def read(self, headers: Mapping[str, str]) -> str | None:
        """The ID in a request's headers, whatever it looks like; None when there is none."""

    def write(self, id: str, *, secure: bool) -> Header:
        """The response header that hands out an ID; `secure` when the browser came by https."""

    def erase(self, *, secure: bool) -> Header:
        """The response header that takes the ID back."""
