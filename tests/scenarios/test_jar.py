"""The rules of RFC 6265 section 5 (and the limits of its successor) that decide what a browser sends back."""

import pytest

from scenarios.jar import Jar, default_path, domain_matches, path_matches


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jar(clock: Clock) -> Jar:
    return Jar(clock)


def keep(jar: Jar, *texts: str, host: str = "shop.test", path: str = "/cart/add", secure: bool = False) -> str:
    """Store, and say what goes back to / on the same host."""
    jar.store(texts, host=host, path=path, secure=secure)
    return jar.header(host=host, path="/", secure=secure)


@pytest.mark.parametrize(
    ("text", "sent_back"),
    [
        ("session_id=abc; HttpOnly; SameSite=Lax; Path=/", "session_id=abc"),
        ("  session_id  =  abc  ; Path=/", "session_id=abc"),  # 5.2 step 3-4: white space trimmed
        ("session_id=a=b; Path=/", "session_id=a=b"),
        ("session_id=abc", ""),  # no Path: only below /cart (5.1.4)
        ("session_id=abc; Path=cart", ""),  # a path that is none counts as missing (5.2.4)
        ("=abc; Path=/", ""),  # 5.2 step 5: no name
        ("session_id; Path=/", ""),  # 5.2 step 2: no "="
        ("session_id=abc; Path=/; Secure", ""),  # not over http
        ("session_id=abc; Path=/; Max-Age=0", ""),
        ("session_id=abc; Path=/; Max-Age=-5", ""),
        ("session_id=abc; Path=/; Max-Age=soon", "session_id=abc"),  # 5.2.2: not a number, ignored
        ("session_id=abc; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", ""),
        ("session_id=abc; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", "session_id=abc"),
        ("session_id=abc; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "session_id=abc"),
        ("session_id=abc; Path=/; Expires=whenever", "session_id=abc"),
        ("session_id=abc; Path=/; Domain=shop.test", "session_id=abc"),
        ("session_id=abc; Path=/; Domain=.shop.test", "session_id=abc"),
        ("session_id=abc; Path=/; Domain=other.test", ""),  # 5.3 step 6
        ("session_id=abc; Path=/; Domain=www.shop.test", ""),
        ("__Host-id=abc; Path=/; Secure; Domain=shop.test", ""),
        ("session_id=" + "x" * (4096 - 10) + "; Path=/", "session_id=" + "x" * (4096 - 10)),
        ("session_id=" + "x" * (4096 - 9) + "; Path=/", ""),  # name + value > 4096 bytes: ignored whole
    ],
)
def test_what_a_browser_makes_of_one_set_cookie(jar: Jar, text: str, sent_back: str) -> None:
    assert keep(jar, text) == sent_back


def test_secure_cookies_go_over_https_only(jar: Jar) -> None:
    assert keep(jar, "a=1; Path=/; Secure", secure=True) == "a=1"
    assert jar.header(host="shop.test", path="/", secure=False) == ""


def test_max_age_ends_by_the_clock_passed_in(jar: Jar, clock: Clock) -> None:
    assert keep(jar, "a=1; Path=/; Max-Age=60") == "a=1"
    clock.now += 59
    assert jar.value("a") == "1"
    clock.now += 1
    assert jar.value("a") is None


def test_the_same_name_domain_and_path_is_replaced_and_an_expired_one_removed(jar: Jar) -> None:
    keep(jar, "a=1; Path=/")
    assert keep(jar, "a=2; Path=/") == "a=2"
    assert keep(jar, "a=; Path=/; Max-Age=0") == ""


def test_longer_paths_go_first(jar: Jar) -> None:
    jar.store(["a=root; Path=/", "a=deep; Path=/cart"], host="shop.test", path="/", secure=False)
    assert jar.header(host="shop.test", path="/cart/x", secure=False) == "a=deep; a=root"
    assert jar.header(host="shop.test", path="/cartoon", secure=False) == "a=root"


def test_other_hosts_get_nothing_and_subdomains_only_domain_cookies(jar: Jar) -> None:
    jar.store(["own=1; Path=/", "all=1; Path=/; Domain=shop.test"], host="shop.test", path="/", secure=False)
    assert jar.header(host="www.shop.test", path="/", secure=False) == "all=1"
    assert jar.header(host="evilshop.test", path="/", secure=False) == ""


def test_scripts_do_not_see_http_only_cookies(jar: Jar) -> None:
    keep(jar, "session_id=abc; HttpOnly; Path=/", "theme=dark; Path=/")
    assert jar.visible_to_scripts() == ["theme"]


def test_a_copy_is_another_browser(jar: Jar) -> None:
    keep(jar, "a=1; Path=/")
    other = jar.copy()
    jar.clear()
    assert (jar.value("a"), other.value("a")) == (None, "1")


@pytest.mark.parametrize(
    ("request_path", "expected"), [("/", "/"), ("/cart", "/"), ("/cart/add", "/cart"), ("", "/"), ("x", "/")]
)
def test_default_path(request_path: str, expected: str) -> None:
    assert default_path(request_path) == expected


def test_matching_rules() -> None:
    assert path_matches("/a/b", "/a")
    assert path_matches("/a/b", "/a/")
    assert not path_matches("/ab", "/a")
    assert domain_matches("www.shop.test", "shop.test")
    assert not domain_matches("127.0.0.1", "0.0.1")  # an address has no parents (5.1.3)
