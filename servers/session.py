"""One session: a dictionary that knows whether it has to be saved, and its form in the store."""

import json
from collections.abc import Iterator, MutableMapping
from typing import Any

OUTCOMES = {
    "none": "no ID was sent, and none was made",
    "new": "no ID was sent, and a session was made",
    "hit": "the ID was sent and found",
    "unknown": "the ID was sent and this logbook does not know it",
    "expired": "the ID was sent, and its time is over (idle or absolute timeout)",
    "revoked": "the ID was sent, and had been ended on purpose (logout, new ID at login)",
    "store_error": "the store did not answer: nothing is known about the ID, nothing is taken away (503)",
}
"""What a server says of the ID in a request (header Session-Outcome)."""

decode = json.JSONDecoder().raw_decode  # half the time of json.loads, on every request
encode = json.JSONEncoder(separators=(",", ":")).encode


class Session(MutableMapping[str, Any]):
    """What the server remembers. Times in seconds of the server's clock.

    Saved at the end of the request if a key was set or deleted. A change inside a value is not seen: set it again.
    """

    __slots__ = ("_data", "changed", "created", "id", "last_seen", "stored", "user")

    def __init__(self, id: str, user: str | None, created: float, last_seen: float, data: dict[str, Any]) -> None:
        self.id = id
        self.user = user
        self.created = created
        self.last_seen = last_seen
        self.changed = False
        self.stored = True  # the store has, or had, a record of it
        self._data = data

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._data[key] = value
        self.changed = True

    def __delitem__(self, key: str) -> None:
        del self._data[key]
        self.changed = True

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:  # never the whole ID: it is as good as a password
        return f"<Session {shorten(self.id)} of {self.user}>"

    def to_bytes(self) -> bytes:
        return encode(
            {"user": self.user, "created": self.created, "last_seen": self.last_seen, "data": self._data}
        ).encode()

    @classmethod
    def from_bytes(cls, id: str, record: bytes) -> "Session":
        """Raises ValueError, KeyError or TypeError for what is no record of ours."""
        fields, _ = decode(record.decode())
        return cls(id, fields["user"], fields["created"], fields["last_seen"], fields["data"])


def shorten(id: str) -> str:
    """What people may see of an ID: enough to tell two apart, too little to use."""
    return f"{id[:9]}…" if len(id) > 9 else id
