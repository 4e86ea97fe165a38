"""Which address a request comes from, behind trusted forwarders: the walk along X-Forwarded-For, by a table."""

import time

import pytest

from balancer.forwarded import Origin, origin_of
from balancer.networks import is_within, parse_address, parse_networks

TRUSTED = parse_networks("10.0.0.0/8, 2001:db8:1::/48")
PEER = "10.0.0.1"


def head(*lines: str) -> bytes:
    return "\r\n".join(["GET / HTTP/1.1", "Host: shop.test", *lines, "", ""]).encode("latin-1")


WALKS = {
    "no list": ([], PEER),
    "an empty list": ([""], PEER),
    "one client": (["192.0.2.7"], "192.0.2.7"),
    "what a client made up stands on the left": (["1.1.1.1, 192.0.2.7"], "192.0.2.7"),
    "through two trusted hops": (["1.1.1.1, 192.0.2.7, 10.9.9.9, 10.8.8.8"], "192.0.2.7"),
    "over several lines": (["1.1.1.1, 192.0.2.7", "10.9.9.9"], "192.0.2.7"),
    "a trusted address beyond an untrusted one": (["10.5.5.5, 192.0.2.7"], "192.0.2.7"),
    "only trusted ones: the first of them asks": (["10.7.7.7, 10.8.8.8"], "10.7.7.7"),
    "IPv6": (["2001:db8:2::7, 2001:db8:1::1"], "2001:db8:2::7"),
    "IPv6 in another spelling": (["2001:DB8:0002::0007"], "2001:db8:2::7"),
    "IPv4 as IPv6": (["192.0.2.7, ::ffff:10.0.0.5"], "192.0.2.7"),
    "with a port": (["192.0.2.7:1234"], "192.0.2.7"),
    "IPv6 with a port": (["[2001:db8:2::7]:1234"], "2001:db8:2::7"),
    "IPv6 in brackets": (["[2001:db8:2::7]"], "2001:db8:2::7"),
    "no blanks, many blanks": (["1.1.1.1,192.0.2.7 \t,   10.9.9.9"], "192.0.2.7"),
    "a word ends the walk": (["192.0.2.7, unknown, 10.9.9.9"], "10.9.9.9"),
    "a word at once": (["192.0.2.7, unknown"], PEER),
    "nothing between commas ends the walk": (["192.0.2.7, , 10.9.9.9"], "10.9.9.9"),
    "half an address": (["192.0.2.7, 10.9.9"], PEER),
    "an octal octet": (["192.0.2.7, 10.9.9.09"], PEER),
    "a name": (["192.0.2.7, localhost"], PEER),
    "quotes": (['"192.0.2.7"'], PEER),
    "bytes beyond ASCII": (["192.0.2.7, \xb2\xb3"], PEER),
    "digits beyond ASCII": (["\u00b9.1.1.1"], PEER),
}


@pytest.mark.parametrize(("values", "client"), WALKS.values(), ids=WALKS.keys())
def test_the_client_is_the_rightmost_untrusted_address(values: list[str], client: str) -> None:
    lines = [f"{name}: {value}" for name, value in zip(["X-Forwarded-For", "x-forwarded-FOR"], values, strict=False)]
    assert origin_of(head(*lines), PEER, TRUSTED).client == client


def test_the_list_is_kept_as_it_came() -> None:
    origin = origin_of(head("X-Forwarded-For: junk,  1.1.1.1", "X-Forwarded-For: 192.0.2.7\t"), PEER, TRUSTED)
    assert origin == Origin("192.0.2.7", b"junk,  1.1.1.1, 192.0.2.7")


SAID = {
    "https": ("X-Forwarded-Proto: https", Origin(PEER, b"", proto=b"https")),
    "in capitals": ("x-forwarded-proto: HTTPS", Origin(PEER, b"", proto=b"https")),
    "a list": ("X-Forwarded-Proto: https, http", Origin(PEER, b"")),
    "another scheme": ("X-Forwarded-Proto: ftp", Origin(PEER, b"")),
    "a host": ("X-Forwarded-Host: shop.example:8443", Origin(PEER, b"", host=b"shop.example:8443")),
    "two hosts": ("X-Forwarded-Host: a.example, b.example", Origin(PEER, b"")),
    "two lines of hosts": ("X-Forwarded-Host: a.example\r\nX-Forwarded-Host: a.example", Origin(PEER, b"")),
    "no host": ("X-Forwarded-Host: <script>", Origin(PEER, b"")),
    "a port": ("X-Forwarded-Port: 443", Origin(PEER, b"", port=b"443")),
    "the last port": ("X-Forwarded-Port: 65535", Origin(PEER, b"", port=b"65535")),
    "a port beyond it": ("X-Forwarded-Port: 65536", Origin(PEER, b"")),
    "no port": ("X-Forwarded-Port: https", Origin(PEER, b"")),
    "a port that begins with 0": ("X-Forwarded-Port: 0443", Origin(PEER, b"")),
    "underscores: what CGI would mix up": ("X_Forwarded_For: 192.0.2.7\r\nX_Forwarded_Proto: https", Origin(PEER, b"")),
    "a value that looks like a line": ("X: X-Forwarded-For: 192.0.2.7", Origin(PEER, b"")),
    "Forwarded": ("Forwarded: for=192.0.2.7;proto=https", Origin(PEER, b"")),
}


@pytest.mark.parametrize(("line", "origin"), SAID.values(), ids=SAID.keys())
def test_what_else_a_forwarder_says_has_to_be_one_valid_value(line: str, origin: Origin) -> None:
    assert origin_of(head(line), PEER, TRUSTED) == origin


@pytest.mark.parametrize("value", ["10.0.0.1," * 3500, "10.0.0.1" + " " * 31_000 + "x", "," * 31_000, "\t" * 31_000])
def test_no_list_is_worth_an_attack(value: str) -> None:
    before = time.process_time()
    for _ in range(10):
        origin_of(head(f"X-Forwarded-For: {value}"), PEER, TRUSTED)
    assert time.process_time() - before < 0.1


def test_networks() -> None:
    assert parse_networks("") == ()
    assert is_within(parse_address("::ffff:10.1.2.3"), TRUSTED)
    assert is_within(parse_address("2001:db8:1::5%eth0"), TRUSTED)
    assert not is_within(parse_address("11.0.0.1"), TRUSTED)
    assert not is_within(parse_address("unknown"), TRUSTED)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "shop.test", "10.0.0.1,,10.0.0.2", "10.0.0.1,"])
def test_a_list_with_a_fault_is_no_list(text: str) -> None:
    with pytest.raises(ValueError, match="is no network such as"):
        parse_networks(text)
