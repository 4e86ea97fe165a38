"""Who a request comes from: PROXY headers on the wire, before TLS too, and forwarders that are trusted."""

import asyncio
import socket
import ssl
import struct
from contextlib import suppress
from random import Random

import pytest

from balancer.proxy_protocol import SIGNATURE
from tests.balancer.certificates import Authority, SlowTls
from tests.balancer.conftest import Start
from tests.balancer.rig import Message, Rig, Server, get, until

V1 = b"PROXY TCP4 192.0.2.7 10.0.0.1 50000 80\r\n"
ADDRESSES = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + socket.inet_pton(socket.AF_INET6, "::1")
V2 = SIGNATURE + struct.pack(">BBH", 0x21, 0x21, 42) + ADDRESSES + struct.pack(">HH", 5, 80) + b"\x04\x00\x03abc"
LOCAL = SIGNATURE + struct.pack(">BBH", 0x20, 0, 0)
HEADERS = {
    "version 1": (V1, "192.0.2.7"),
    "version 2": (V2, "2001:db8::7"),
    "LOCAL": (LOCAL, "127.0.0.1"),
    "UNKNOWN": (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
}
HERE = {"proxy_protocol_from": "127.0.0.0/8"}


def heard(rig: Rig) -> Message:
    return rig.servers["a"].heard[-1]


@pytest.mark.parametrize("piece", [1, 1000])
@pytest.mark.parametrize(("header", "client"), HEADERS.values(), ids=HEADERS.keys())
async def test_the_header_says_who_the_client_is(header: bytes, client: str, piece: int, start: Start) -> None:
    rig = await start(Server(), **HERE)
    line = await rig.connect()
    said = header + get()
    for at in range(0, len(said), piece):
        line.send(said[at : at + piece])
        await line.flush()
        await asyncio.sleep(0)
    assert (await line.answer()).status == 200
    assert heard(rig)["x-forwarded-for"] == client
    assert (await line.ask(get())).status == 200  # the header stands for the whole connection
    assert heard(rig)["x-forwarded-for"] == client
    assert not rig.balancer.turned_away


@pytest.mark.parametrize("piece", [1, 1000])
@pytest.mark.parametrize(("header", "client"), HEADERS.values(), ids=HEADERS.keys())
async def test_the_header_comes_before_tls(
    header: bytes, client: str, piece: int, start: Start, certificate: str, authority: Authority
) -> None:
    rig = await start(Server(), tls_certificate=certificate, **HERE)
    tls = SlowTls(await rig.connect(), authority.client())
    await tls.shake_hands(header, piece)
    tls.send(get())
    assert (await tls.read()).startswith(b"HTTP/1.1 200")
    assert (heard(rig)["x-forwarded-for"], heard(rig)["x-forwarded-proto"]) == (client, "https")


NO_HEADERS = {
    "a request": get(),
    "a malformed header": b"PROXY TCP4 192.0.2.256 10.0.0.1 50000 80\r\n" + get(),
    "a header that never ends": b"PROXY UNKNOWN " + b"f" * 200,
    "a header that is too long": SIGNATURE + b"\x21\x11\xff\xff",
    "TLS": b"\x16\x03\x01\x00\x05hello",
}


@pytest.mark.parametrize("data", NO_HEADERS.values(), ids=NO_HEADERS.keys())
async def test_without_a_header_there_is_no_answer(data: bytes, start: Start) -> None:
    rig = await start(Server(), **HERE)
    line = await rig.connect()
    line.send(data)
    await line.closed()
    assert rig.balancer.turned_away == {"no PROXY header": 1}
    assert rig.servers["a"].heard == []
    assert not rig.balancer.clients


@pytest.mark.parametrize(("header", "_"), HEADERS.values(), ids=HEADERS.keys())
async def test_nobody_else_may_send_one(header: bytes, _: str, start: Start) -> None:
    """To them it is a malformed request: no one can forge an address."""
    for options in ({}, {"proxy_protocol_from": "10.0.0.0/8"}):
        rig = await start(Server(), **options)
        line = await rig.connect()
        line.send(header + get())
        assert (await line.answer()).status == 400
        await line.closed()
        assert rig.servers["a"].heard == []
        assert (await rig.ask()).status == 200  # and they need none


async def test_nobody_else_may_send_one_before_tls(start: Start, certificate: str, authority: Authority) -> None:
    rig = await start(Server(), tls_certificate=certificate, proxy_protocol_from="10.0.0.0/8")
    line = await rig.connect()
    line.send(V1)
    assert (await line.answer()).status == 400  # plain, where only TLS is spoken
    tls = SlowTls(await rig.connect(), authority.client())
    await tls.shake_hands()
    tls.send(V1 + get())
    assert (await tls.read()).startswith(b"HTTP/1.1 400")
    assert rig.servers["a"].heard == []


async def test_a_header_takes_no_longer_than_a_head(start: Start) -> None:
    rig = await start(Server(), **HERE)
    line = await rig.connect()
    line.send(V1[:20])
    await until(lambda: rig.balancer.clients)
    rig.pass_time(11)
    await line.closed()
    assert rig.balancer.turned_away == {"too slow": 1}
    assert not rig.balancer.clients


async def test_a_forwarder_that_only_looks(start: Start) -> None:
    """A health check: connects, says LOCAL or nothing, and leaves."""
    rig = await start(Server(), **HERE)
    for said in (b"", LOCAL, V1):
        line = await rig.connect()
        line.send(said)
        await until(lambda: rig.balancer.clients)
        await line.hang_up()
        await until(lambda: not rig.balancer.clients)
    assert rig.totals()["requests"] == 0


async def test_policies_go_by_the_client_that_the_header_names(start: Start) -> None:
    rig = await start(*(Server() for _ in range(4)), policy="ip_hash", **HERE)
    for host in range(40):
        line = await rig.connect()
        line.send(b"PROXY TCP4 192.0.2.%d 10.0.0.1 50000 80\r\n" % host)
        assert (await line.ask(get())).status == 200
        await line.hang_up()
    counts = [len(server.heard) for server in rig.servers.values()]
    assert min(counts) > 0


# Forwarders that are trusted


async def fields(rig: Rig, *lines: str) -> dict[str, str]:
    assert (await rig.ask(get("/", *lines))).status == 200
    message = heard(rig)
    return {
        name.lower(): value for name, value in message.fields if "forwarded" in name.lower() or "real" in name.lower()
    }


async def test_a_trusted_forwarder_is_believed(start: Start) -> None:
    rig = await start(Server(), trusted_forwarders="127.0.0.0/8,10.0.0.0/8")
    said = [
        "X-Forwarded-For: 1.1.1.1, 192.0.2.7, 10.9.9.9",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: shop.example",
    ]
    assert await fields(rig, *said, "X-Forwarded-Port: 8443", "Forwarded: for=1.1.1.1", "X-Real-IP: 1.1.1.1") == {
        "x-forwarded-for": "1.1.1.1, 192.0.2.7, 10.9.9.9, 127.0.0.1",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "shop.example",
        "x-forwarded-port": "8443",
    }


async def test_what_else_a_trusted_forwarder_says_goes_on(start: Start) -> None:
    said = ["X-Forwarded-Prefix: /shop", "x-forwarded-USER: me", "X-Forwarded-Client-Cert: Hash=1"]
    smuggled = ["X_Forwarded_Prefix: /evil", "X-Forwarded-Client_Cert: Hash=2", "X.Forwarded-User: root"]
    ours = {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http", "x-forwarded-host": "shop.test"}
    rig = await start(Server(), trusted_forwarders="127.0.0.1")
    theirs = {"x-forwarded-prefix": "/shop", "x-forwarded-user": "me", "x-forwarded-client-cert": "Hash=1"}
    assert await fields(rig, *said, *smuggled) == ours | theirs
    stranger = await start(Server(), trusted_forwarders="10.0.0.0/8")
    for _ in range(2):  # also when it is known already
        assert await fields(stranger, *said, *smuggled) == ours


async def test_what_a_trusted_forwarder_leaves_out_or_garbles_is_ours_to_say(start: Start) -> None:
    rig = await start(Server(), trusted_forwarders="127.0.0.1")
    ours = {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http", "x-forwarded-host": "shop.test"}
    assert await fields(rig) == ours
    assert await fields(rig, "X-Forwarded-Proto: https, http", "X-Forwarded-Host: a b", "X-Forwarded-Port: x") == ours
    assert await fields(rig, "X_Forwarded_For: 192.0.2.7") == ours


async def test_anybody_else_is_not_believed(start: Start) -> None:
    rig = await start(Server(), trusted_forwarders="10.0.0.0/8")
    said = ["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: x", "X-Forwarded-Port: 1"]
    assert await fields(rig, *said) == {
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "shop.test",
    }


async def test_each_request_on_a_trusted_connection_has_its_own_client(start: Start) -> None:
    """The forwarder's connection is shared by its clients: what is remembered of one must not serve another."""
    rig = await start(*(Server() for _ in range(3)), policy="rendezvous", trusted_forwarders="127.0.0.1")
    line = await rig.connect()
    where: dict[int, set[str]] = {}
    for host in [*range(30), *range(30)]:
        answer = await line.ask(get("/", f"X-Forwarded-For: 192.0.2.{host}"))
        assert answer.status == 200
        here = next(
            name
            for name, server in rig.servers.items()
            if server.heard
            and answer.body == b"ok"
            and server.heard[-1]["x-forwarded-for"] == f"192.0.2.{host}, 127.0.0.1"
        )
        where.setdefault(host, set()).add(here)
        for server in rig.servers.values():
            server.heard.clear()
    assert {len(names) for names in where.values()} == {1}
    assert len(set.union(*where.values())) == 3


async def test_a_proxy_header_names_the_forwarder_that_is_trusted_or_not(start: Start) -> None:
    rig = await start(Server(), trusted_forwarders="192.0.2.7", **HERE)
    for client, believed in {b"192.0.2.7": "203.0.113.9, 192.0.2.7", b"192.0.2.8": "192.0.2.8"}.items():
        line = await rig.connect()
        line.send(b"PROXY TCP4 %s 10.0.0.1 50000 80\r\n" % client)
        assert (await line.ask(get("/", "X-Forwarded-For: 203.0.113.9"))).status == 200
        assert heard(rig)["x-forwarded-for"] == believed


async def test_whatever_they_begin_with_nothing_breaks_and_nothing_stays(
    start: Start, certificate: str, authority: Authority
) -> None:
    """Headers and hellos with a few bytes changed, cut short or doubled."""
    rig = await start(Server(), tls_certificate=certificate, **HERE)
    rng = Random(5)
    tls = SlowTls(await rig.connect(), authority.client())
    with pytest.raises(ssl.SSLWantReadError):
        tls.tls.do_handshake()
    hello = tls.said()
    whole = [header + hello for header in (V1, V2, LOCAL)]
    for _ in range(200):
        said = bytearray(rng.choice(whole))
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(said))
            said[at : at + rng.randrange(2)] = rng.randbytes(rng.randrange(3))
        line = await rig.connect()
        line.send(bytes(said[: rng.choice([20, 200, 5000])]))
        line.half_close()
        with suppress(ConnectionError):
            await line.rest()
    tls.line.abort()
    await until(lambda: not rig.balancer.clients)
    assert rig.servers["a"].heard == []
    assert set(rig.balancer.turned_away) >= {"no PROXY header", "the handshake failed", "no TLS", "gone"}
