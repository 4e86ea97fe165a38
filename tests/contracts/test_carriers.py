"""One suite for every way in which a session's ID travels."""

from collections.abc import Mapping
from http.cookies import SimpleCookie

import pytest
from multidict import CIMultiDict

from servers.carriers import CARRIERS, Carrier, CookieCarrier

ID = "sess_8f3k2m9x8f3k2m9x8f3k2m"


@pytest.fixture(params=list(CARRIERS))
def carrier(request: pytest.FixtureRequest) -> Carrier:
    return CARRIERS[request.param]()


def sent_back(header: tuple[str, str]) -> Mapping[str, str]:
    """What a client sends after it got this header."""
    name, value = header
    assert name == "Set-Cookie"
    [cookie] = SimpleCookie(value).values()
    return CIMultiDict({"Cookie": f"{cookie.key}={cookie.value}"})


def test_what_is_written_is_read(carrier: Carrier) -> None:
    assert carrier.read(sent_back(carrier.write(ID, secure=False))) == ID


def test_after_erasing_there_is_nothing_to_read(carrier: Carrier) -> None:
    assert carrier.read(sent_back(carrier.erase(secure=False))) is None


def test_nothing_sent(carrier: Carrier) -> None:
    assert carrier.read(CIMultiDict()) is None


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("session_id=a", "a"),
        ("x=1; session_id=a; y=2", "a"),
        ("x=1;session_id=a", "a"),
        (' session_id = "a" ', "a"),
        ("session_id=a; session_id=b", "a"),
        ("my_session_id=a", None),
        ("session_ids=a", None),
        ("x=session_id=a", None),
        ("session_id", None),
        ("session_id=", None),
        (";;=;session_id=a=b", "a=b"),
        ("", None),
    ],
)
def test_reading_a_cookie_header(sent: str, read: str | None) -> None:
    assert CookieCarrier().read({"Cookie": sent}) == read


@pytest.mark.parametrize("secure", [False, True])
def test_the_cookie_is_out_of_the_reach_of_scripts_and_of_other_sites(secure: bool) -> None:
    for header in (CookieCarrier().write(ID, secure=secure), CookieCarrier().erase(secure=secure)):
        [cookie] = SimpleCookie(header[1]).values()
        assert cookie["httponly"]
        assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")
        assert bool(cookie["secure"]) is secure


def test_the_cookie_of_the_story() -> None:
    assert CookieCarrier().write(ID, secure=False)[1] == f"session_id={ID}; HttpOnly; SameSite=Lax; Path=/"
