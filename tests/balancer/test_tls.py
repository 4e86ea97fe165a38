"""TLS on the listener, as clients meet it. (Whole processes and other people's programs: test_tls_process.py.)"""

import asyncio
import hashlib
import ssl
from pathlib import Path

import pytest

from balancer.settings.config import BalancerConfig
from balancer.settings.problems import ConfigError
from balancer.settings.tls import listener_context
from tests.balancer.certificates import Authority, SlowTls
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Message, Rig, Server, get, ok, until


@pytest.fixture
async def secured(start: Start, certificate: str) -> Rig:
    """A balancer with TLS in front of one server that answers everything."""
    return await start(Server(), tls_certificate=certificate)


async def connect(rig: Rig, authority: Authority, context: ssl.SSLContext | None = None) -> Line:
    return await rig.connect(ssl=context or authority.client(), server_hostname="localhost")


async def by_hand(rig: Rig, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> SlowTls:
    return SlowTls(await rig.connect(), context, session)


async def test_requests_over_tls_say_so_to_the_backend(secured: Rig, authority: Authority) -> None:
    line = await connect(secured, authority)
    tls = line.writer.get_extra_info("ssl_object")
    assert (tls.version(), tls.selected_alpn_protocol()) == ("TLSv1.3", None)
    for _ in range(3):
        assert (await line.ask(get())).body == b"ok"
    assert secured.servers["a"].heard[-1]["x-forwarded-proto"] == "https"
    assert secured.servers["a"].heard[-1]["x-forwarded-for"] == "127.0.0.1"
    await line.hang_up()
    assert not secured.balancer.turned_away


async def test_tls_1_2_with_forward_secrecy(secured: Rig, authority: Authority) -> None:
    context = authority.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    line = await connect(secured, authority, context)
    assert line.writer.get_extra_info("cipher")[0].startswith("ECDHE-")
    assert (await line.ask(get())).status == 200


def old_tls(context: ssl.SSLContext) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1


def old_cipher(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA")


def only_h2(context: ssl.SSLContext) -> None:
    context.set_alpn_protocols(["h2"])


REFUSED = {
    "TLS 1.1": (old_tls, "protocol version", "the handshake failed"),
    "no forward secrecy": (old_cipher, "handshake failure", "the handshake failed"),
    "only HTTP/2 (RFC 7301 section 3.2)": (only_h2, "no application protocol", "no common protocol"),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("change", "alert", "why"), REFUSED.values(), ids=REFUSED.keys())
async def test_refused_with_an_alert(change: object, alert: str, why: str, secured: Rig, authority: Authority) -> None:
    assert callable(change)
    context = authority.client()
    change(context)
    tls = await by_hand(secured, context)
    with pytest.raises(ssl.SSLError, match=f"(?i){alert.replace(' ', '.')}"):
        await tls.shake_hands()
    assert await tls.line.rest() == b""
    assert secured.balancer.turned_away == {why: 1}
    assert not secured.balancer.clients


@pytest.mark.parametrize("offered", [["http/1.1"], ["h2", "http/1.1"], ["http/1.1", "spdy/1"]])
async def test_http_1_1_is_chosen_where_it_is_offered(offered: list[str], secured: Rig, authority: Authority) -> None:
    context = authority.client()
    context.set_alpn_protocols(offered)
    line = await connect(secured, authority, context)
    assert line.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    assert (await line.ask(get())).status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_sessions_are_resumed(version: ssl.TLSVersion, secured: Rig, authority: Authority) -> None:
    context = authority.client()
    context.maximum_version = context.minimum_version = version
    first = await by_hand(secured, context)
    await first.shake_hands()
    first.send(get())
    assert (await first.read()).startswith(b"HTTP/1.1 200")
    second = await by_hand(secured, context, first.tls.session)
    await second.shake_hands()
    assert second.tls.session_reused
    second.send(get())
    assert (await second.read()).startswith(b"HTTP/1.1 200")


async def test_byte_by_byte(secured: Rig, authority: Authority) -> None:
    tls = await by_hand(secured, authority.client())
    await tls.shake_hands(piece=1)
    tls.tls.write(get())
    for byte in tls.said():
        tls.line.send(bytes([byte]))
        await tls.line.flush()
        await asyncio.sleep(0)
    assert (await tls.read()).startswith(b"HTTP/1.1 200")


async def test_plain_http_is_told_where_it_is(secured: Rig) -> None:
    line = await secured.connect()
    answer = await line.ask(get())
    assert answer.status == 400
    assert b"https://" in answer.body
    await line.closed()
    assert secured.balancer.turned_away == {"no TLS": 1}
    assert secured.totals()["statuses"] == {"4xx": 1}


NO_HELLO = {
    "nothing": b"",
    "a byte": b"\x16",
    "half a hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + bytes(100),
    "a record that never ends": b"\x16\x03\x01\x40\x00\x01\x00\xff\xff" + bytes(8000),
}


@pytest.mark.parametrize("data", NO_HELLO.values(), ids=NO_HELLO.keys())
async def test_a_handshake_takes_no_longer_than_a_head(data: bytes, secured: Rig) -> None:
    line = await secured.connect()
    line.send(data)
    await until(lambda: secured.balancer.clients)
    secured.pass_time(9.5)
    assert secured.balancer.clients
    secured.pass_time(1.5)
    await line.closed()
    assert secured.balancer.turned_away == {"too slow": 1}
    assert not secured.balancer.clients


async def test_a_handshake_that_stops_in_the_middle(secured: Rig, authority: Authority) -> None:
    tls = await by_hand(secured, authority.client())
    with pytest.raises(ssl.SSLWantReadError):
        tls.tls.do_handshake()
    tls.line.send(tls.said())
    await tls.more()  # the server's part, which is never answered
    secured.pass_time(11)
    await tls.line.closed()
    assert secured.balancer.turned_away == {"too slow": 1}
    assert not secured.balancer.clients


async def test_garbage_after_the_hello(secured: Rig, authority: Authority) -> None:
    tls = await by_hand(secured, authority.client())
    with pytest.raises(ssl.SSLWantReadError):
        tls.tls.do_handshake()
    tls.line.send(tls.said() + b"\x16\x03\x03\x00\x05hello")
    *_, last = (await tls.line.rest()).split(b"\x17\x03\x03")
    assert last[:2] == b"\x00\x13"  # an encrypted alert, after the server's part
    assert secured.balancer.turned_away == {"the handshake failed": 1}


async def test_a_client_that_leaves_during_the_handshake(secured: Rig, authority: Authority) -> None:
    for said in (b"", b"\x16\x03\x01", None):
        tls = await by_hand(secured, authority.client())
        if said is None:
            with pytest.raises(ssl.SSLWantReadError):
                tls.tls.do_handshake()
            said = tls.said()
        tls.line.send(said)
        await until(lambda: secured.balancer.clients)
        tls.line.abort()
        await until(lambda: not secured.balancer.clients)
    assert secured.balancer.turned_away.total() == 3


async def test_too_many_clients_cost_no_handshake(start: Start, certificate: str, authority: Authority) -> None:
    rig = await start(Server(), tls_certificate=certificate, max_connections=2)
    lines = [await connect(rig, authority), await rig.connect()]  # one of them has not said hello
    await until(lambda: len(rig.balancer.clients) == 2)
    await (await rig.connect()).closed()
    assert rig.balancer.turned_away == {"too many connections": 1}
    assert (await lines[0].ask(get())).status == 200


# Ends


async def test_an_answer_to_a_client_that_still_sends_is_not_lost(secured: Rig, authority: Authority) -> None:
    tls = await by_hand(secured, authority.client())
    await tls.shake_hands()
    tls.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n" + bytes(1 << 20))
    for _ in range(20):
        tls.send(bytes(1 << 16))
        await tls.line.flush()
    assert b"malformed Content-Length" in await tls.rest()  # and close_notify
    tls.send(bytes(1 << 16))  # for as long as we like, within limits
    secured.pass_time(2.5)
    await until(lambda: not secured.balancer.clients)


async def test_a_close_is_said(secured: Rig, authority: Authority) -> None:
    tls = await by_hand(secured, authority.client())
    await tls.shake_hands()
    tls.send(get("/", "Connection: close"))
    assert (await tls.rest()).endswith(b"ok")
    assert await tls.line.rest() == b""
    await until(lambda: not secured.balancer.clients)


async def test_a_client_that_has_said_bye_still_gets_its_answer(
    start: Start, certificate: str, authority: Authority
) -> None:
    go_on = asyncio.Event()

    async def script(line: Line) -> None:
        await line.message()
        await go_on.wait()
        line.send(ok(b"late"))

    rig = await start(Server(script), tls_certificate=certificate)
    tls = await by_hand(rig, authority.client())
    await tls.shake_hands()
    tls.send(get())
    await until(lambda: any(client.exchange for client in rig.balancer.clients))
    tls.say_bye()
    await tls.line.flush()
    await asyncio.sleep(0)
    go_on.set()
    received = b""
    while not received.endswith(b"late"):
        received += await tls.read()
    await until(lambda: not rig.balancer.clients)


async def test_a_cut_connection_is_no_end(start: Start, certificate: str, authority: Authority) -> None:
    """A request whose body ends with the connection cannot be; but what is under way is freed."""
    began = asyncio.Event()

    async def script(line: Line) -> None:
        await line.until(b"\r\n\r\n")
        began.set()
        await line.rest()

    rig = await start(Server(script), tls_certificate=certificate)
    tls = await by_hand(rig, authority.client())
    await tls.shake_hands()
    tls.send(get())
    await began.wait()
    tls.line.half_close()  # TCP's end, and no close_notify
    await until(lambda: not rig.balancer.clients and not rig.balancer.upstreams)
    assert rig.backend().in_flight == 0


async def test_bodies_in_both_directions(start: Start, certificate: str, authority: Authority) -> None:
    body = bytes(range(256)) * 20_000  # 5 MB

    def reply(message: Message) -> bytes:
        assert hashlib.sha256(message.body).digest() == hashlib.sha256(body).digest()
        return ok(body)

    server = Server()
    server.limit = 1 << 23
    server.reply = reply
    rig = await start(server, tls_certificate=certificate)
    line = await rig.connect(limit=1 << 23, ssl=authority.client(), server_hostname="localhost")
    answer = await line.ask(get("/", f"Content-Length: {len(body)}", method="POST") + body)
    assert answer.body == body


async def test_a_slow_reader_slows_the_backend(start: Start, certificate: str, authority: Authority) -> None:
    sent = 0

    async def script(line: Line) -> None:
        nonlocal sent
        await line.message()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while sent < 100_000_000:
            line.send(bytes(1_000_000))
            sent += 1_000_000
            await line.writer.drain()

    rig = await start(Server(script), tls_certificate=certificate)
    tls = await by_hand(rig, authority.client())
    await tls.shake_hands()
    tls.send(get())
    await until(lambda: any(client.exchange and client.stuffed for client in rig.balancer.clients))  # type: ignore[union-attr]
    (client,) = rig.balancer.clients
    assert client.transport.get_write_buffer_size() < 1 << 20
    assert sent < 50_000_000
    assert len(await tls.read()) > 0
    tls.line.abort()
    await until(lambda: not rig.balancer.upstreams)


@pytest.mark.parametrize("secure", [False, True])
async def test_a_client_that_never_reads_the_end_of_its_answer_is_let_go(
    secure: bool, start: Start, certificate: str, authority: Authority
) -> None:
    """All of the answer has come, and some of it cannot be sent; the connection is closing all the same."""

    async def script(line: Line) -> None:
        await line.message()
        line.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while not any(client.transport.get_write_buffer_size() for client in rig.balancer.clients):
            line.send(bytes(4096))
            await line.flush()
            await asyncio.sleep(0)
        line.writer.close()

    rig = await start(Server(script), tls_certificate=certificate if secure else "")
    line = await rig.connect(limit=1 << 10)  # beyond twice that it stops reading
    if secure:
        tls = SlowTls(line, authority.client())
        await tls.shake_hands()
        tls.send(get())
    else:
        line.send(get())
    await until(lambda: rig.balancer.clients and not any(client.exchange for client in rig.balancer.clients))
    (client,) = rig.balancer.clients
    await until(lambda: client.transport.is_closing())
    rig.pass_time(200)
    await until(lambda: not rig.balancer.clients)


# Certificates


async def test_a_new_certificate_is_for_new_connections(
    start: Start, authority: Authority, capfd: pytest.CaptureFixture[str]
) -> None:
    def shown(line: Line) -> bytes:
        return line.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)

    path = authority.issue("shown")
    rig = await start(Server(), tls_certificate=path)
    old = await connect(rig, authority)
    assert authority.issue("shown") == path  # another one
    rig.balancer.hang_up()
    new = await connect(rig, authority)
    assert shown(old) != shown(new)
    authority.spoil("shown")
    rig.balancer.hang_up()
    said = capfd.readouterr().err
    assert said == f"balancer: the old certificate stays in force: {path} holds no certificate\n"
    assert shown(await connect(rig, authority)) == shown(new)
    for line in (old, new):
        assert (await line.ask(get())).status == 200


def test_unusable_certificates(authority: Authority, certificate: str, tmp_path: Path) -> None:
    other = authority.issue("other")
    only = tmp_path / "only.pem"
    text = Path(certificate).read_text()
    only.write_text(text[text.index("-----BEGIN CERTIFICATE") :])
    broken = tmp_path / "broken.pem"
    broken.write_text(text.replace("M", "N"))
    for config, said in {
        BalancerConfig(tls_certificate=str(tmp_path / "none.pem")): "none.pem cannot be read: No such file",
        BalancerConfig(tls_certificate=str(tmp_path)): "cannot be read: Is a directory",
        BalancerConfig(tls_certificate=str(only)): "only.pem holds no private key; name its file by --tls-key",
        BalancerConfig(tls_certificate=certificate, tls_key=other): "other.pem is not the key of the first certificate",
        BalancerConfig(tls_certificate=str(broken)): "cannot be used: ",
    }.items():
        with pytest.raises(ConfigError, match=said):
            listener_context(config)
