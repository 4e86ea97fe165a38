"""Passwords: right, wrong, and what the checking costs whom."""

import asyncio
import threading

import pytest

from servers.config import PASSWORDS
from servers.members import AT_ONCE, HASHERS, MEMBERS, Passwords


def test_the_members_of_the_story() -> None:
    assert list(MEMBERS) == ["ravi", *(f"user{i:02}" for i in range(1, 60))]
    assert MEMBERS["ravi"].number == 4872
    assert len({member.number for member in MEMBERS.values()}) == 60


@pytest.mark.parametrize("profile", list(PASSWORDS))
async def test_right_and_wrong(profile: str) -> None:
    passwords = Passwords(profile)
    assert await passwords.verify("ravi", "wristband-ravi") is MEMBERS["ravi"]
    assert await passwords.verify("ravi", "wristband-user01") is None
    assert await passwords.verify("nobody", "wristband-nobody") is None


def test_the_profiles_cost_what_they_say() -> None:
    assert set(HASHERS) == set(PASSWORDS)
    light, strong = (HASHERS[profile].hash("x") for profile in ("light", "strong"))
    assert light.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert strong.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_a_name_that_nobody_has_costs_a_verification_too(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords, verified = Passwords("light"), list[str]()
    make_hash = passwords._hash

    def note(name: str) -> str:
        verified.append(make_hash(name))
        return verified[-1]

    monkeypatch.setattr(passwords, "_hash", note)
    for name in ("nobody", "ravi", "nobody", "ravi"):
        await passwords.verify(name, "wrong")
    assert len(verified) == 4
    assert len(set(verified)) == 2  # a name's hash is made once, whether somebody has the name or not


async def test_the_loop_goes_on_and_few_are_verified_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords, running, most = Passwords("light"), 0, 0
    lock, go, full = threading.Lock(), threading.Event(), threading.Event()

    def slow(name: str, password: str) -> bool:
        nonlocal running, most
        assert threading.current_thread() is not threading.main_thread()
        with lock:
            running += 1
            most = max(most, running)
        if most == AT_ONCE:
            full.set()
        go.wait(10)
        with lock:
            running -= 1
        return True

    monkeypatch.setattr(passwords, "_verify", slow)
    checks = [asyncio.ensure_future(passwords.verify("ravi", "x")) for _ in range(3 * AT_ONCE)]
    assert await asyncio.get_running_loop().run_in_executor(None, full.wait, 10)  # the loop is not held up
    go.set()
    await asyncio.gather(*checks)
    assert most == AT_ONCE
