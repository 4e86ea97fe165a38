"""The members of the club, and how a password is checked (step 2)."""

import asyncio
import secrets
from dataclasses import dataclass
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

# Times on one core. "light" is for many virtual users on one machine: it would not slow down anybody who has
# stolen the hashes. "strong" is RFC 9106, section 4, second recommended option.
HASHERS = {
    "light": PasswordHasher(time_cost=1, memory_cost=64, parallelism=1),  # 64 KiB, about 0.1 ms
    "strong": PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4),  # 64 MiB, about 0.1 s
}
AT_ONCE = 4  # verifications; each holds the profile's memory
LONGEST_PASSWORD = 1024  # characters


@dataclass(frozen=True)
class Member:
    name: str
    number: int
    address: str
    payment: str
    canary: str
    """Only this member's pages hold it: whoever sees it elsewhere has found a leak."""


def _member(name: str, number: int) -> Member:
    return Member(
        name=name,
        number=number,
        address=f"{number % 97 + 1} Dumbbell Lane, Gymtown {number}",
        payment=f"card ending in {number}",
        canary=f"canary-{name}-{number}",
    )


MEMBERS: dict[str, Member] = {
    member.name: member for member in (_member("ravi", 4872), *(_member(f"user{i:02}", 4900 + i) for i in range(1, 60)))
}


class Passwords:
    def __init__(self, profile: str) -> None:
        self._hasher = HASHERS[profile]
        self._turn = asyncio.Semaphore(AT_ONCE)
        # Made at the first login of a name, not sixty at the start. A name that nobody has gets a hash in the same
        # way: how long the answer takes does not tell which names exist.
        self._hash = lru_cache(maxsize=1024)(self._make_hash)

    async def verify(self, name: str, password: str) -> Member | None:
        """The member, or None: wrong name or wrong password, which nobody is told apart. Works in a thread."""
        if len(password) > LONGEST_PASSWORD:
            return None
        async with self._turn:
            right = await asyncio.to_thread(self._verify, name, password)
        return MEMBERS.get(name) if right else None

    def _verify(self, name: str, password: str) -> bool:
        try:
            return self._hasher.verify(self._hash(name), password)
        except VerificationError:
            return False

    def _make_hash(self, name: str) -> str:
        return self._hasher.hash(f"wristband-{name}" if name in MEMBERS else secrets.token_urlsafe())
