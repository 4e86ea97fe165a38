"""TLS to backends: who is believed, what is said about who is not, and ends that are none."""

import os
import socket
import ssl
from pathlib import Path

import pytest

from balancer import health
from balancer.settings.addresses import parse_backend
from balancer.settings.config import BalancerConfig
from balancer.settings.problems import ConfigError
from balancer.settings.tls import backend_context
from tests.balancer.certificates import Authority
from tests.balancer.conftest import Start
from tests.balancer.rig import Line, Server, get, until


def tls_server(context: ssl.SSLContext, script: object = None) -> Server:
    assert script is None or callable(script)
    server = Server(script)
    server.tls = context
    return server


@pytest.fixture
def context(authority: Authority, certificate: str) -> ssl.SSLContext:
    return authority.server(certificate)


async def test_a_backend_that_the_authority_vouches_for(
    start: Start, authority: Authority, context: ssl.SSLContext
) -> None:
    names: list[str | None] = []
    context.sni_callback = lambda tls, name, of: names.append(name)
    rig = await start(tls_server(context), Server(), backend_ca=authority.file)
    line = await rig.connect()
    for _ in range(4):
        assert (await line.ask(get())).body == b"ok"
    assert names == ["localhost"]  # one connection, kept
    assert (await line.ask(get("/", "Content-Length: 300000", method="POST") + bytes(300_000))).status == 200
    heard = rig.servers["a"].heard
    assert len(heard) + len(rig.servers["b"].heard) == 5
    assert heard[0]["x-forwarded-proto"] == "http"  # the client's own way here
    assert rig.backend().trouble == ""


DISTRUST = {
    "an authority nobody knows": (lambda ours, theirs: theirs.issue("unknown"), "unable to get local issuer"),
    "another name": (lambda ours, theirs: ours.issue("other", "other.test"), "Hostname mismatch"),
}


@pytest.mark.parametrize(("issued", "reason"), DISTRUST.values(), ids=DISTRUST.keys())
async def test_a_certificate_that_will_not_do_is_a_failure_to_connect(
    issued: object,
    reason: str,
    start: Start,
    authority: Authority,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert callable(issued)
    theirs = Authority(tmp_path)
    path = issued(authority, theirs)
    rig = await start(tls_server(authority.server(path)), backend_ca=authority.file)
    for _ in range(2):
        answer = await rig.ask(get(method="POST"))
        assert (answer.status, "certificate" in answer.body.decode()) == (502, False)
    assert rig.servers["a"].heard == []
    assert f"certificate verify failed: {reason}" in rig.backend().trouble
    assert rig.totals()["errors"] == 2
    assert not rig.backend().healthy
    said = capfd.readouterr().err
    assert said.count("\n") == 1  # once, not at every request
    assert said.startswith("balancer: a: certificate verify failed:")
    assert await health.passes(rig.balancer, rig.backend()) is False
    await until(lambda: not rig.balancer.upstreams)


async def test_verification_can_be_switched_off(start: Start, context: ssl.SSLContext) -> None:
    rig = await start(tls_server(context), backend_verify="none")
    assert (await rig.ask()).status == 200


async def test_health_checks_speak_tls(start: Start, authority: Authority, context: ssl.SSLContext) -> None:
    rig = await start(tls_server(context), backend_ca=authority.file)
    assert await health.passes(rig.balancer, rig.backend())
    assert rig.servers["a"].heard[0].start == "GET /health HTTP/1.1"


async def test_plain_http_at_the_backend(start: Start, authority: Authority) -> None:
    async def plain(line: Line) -> None:
        await line.read(5)
        line.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

    rig = await start(backend_ca=authority.file)
    server = rig.servers["a"] = await Server(plain).open()
    rig.balancer.pool.add(parse_backend(f"a=https://127.0.0.1:{server.port}"))
    assert (await rig.ask()).status == 502
    assert rig.backend().trouble == "wrong version number"


async def test_a_handshake_that_hangs_takes_no_longer_than_connecting(start: Start, authority: Authority) -> None:
    rig = await start(backend_ca=authority.file, connect_timeout=0.05)

    async def silent(line: Line) -> None:
        await line.rest()

    server = rig.servers["a"] = await Server(silent).open()
    rig.balancer.pool.add(parse_backend(f"a=https://127.0.0.1:{server.port}"))
    assert (await rig.ask()).status == 502
    assert rig.backend().trouble == "no answer in time"
    assert not rig.balancer.upstreams


async def test_an_end_without_close_notify_is_no_end(
    start: Start, authority: Authority, context: ssl.SSLContext
) -> None:
    """An answer that ends with the connection may have been cut by anybody (RFC 9112 section 9.8)."""

    async def script(line: Line) -> None:
        message = await line.message()
        line.send(b"HTTP/1.1 200 OK\r\n\r\nhalf of i")
        await line.flush()
        if message.start.startswith("GET /whole"):
            line.writer.close()
            return
        raw = line.writer.transport.get_extra_info("socket").fileno()
        with socket.socket(fileno=os.dup(raw)) as below:
            below.shutdown(socket.SHUT_WR)
        await line.rest()

    rig = await start(tls_server(context, script), backend_ca=authority.file)
    assert (await rig.ask(get("/whole"))).body == b"half of i"
    line = await rig.connect()
    line.send(get("/cut"))
    await line.until(b"half of i")
    with pytest.raises(ConnectionError):
        await line.rest()
    assert rig.totals()["errors"] == 1


async def test_a_backend_that_wants_a_certificate_of_ours(
    start: Start, authority: Authority, context: ssl.SSLContext
) -> None:
    """With TLS 1.3 it says so when our handshake is over already."""
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    rig = await start(tls_server(context), Server(), backend_ca=authority.file)
    rig.balancer.pool.changed()
    for _ in range(4):
        assert (await rig.ask()).status == 200
    assert rig.servers["a"].heard == []


async def test_an_authority_that_is_none(start: Start, tmp_path: Path, certificate: str) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for path, said in {str(empty): "holds no certificate", "/nowhere/ca.pem": "cannot be read: No such file"}.items():
        with pytest.raises(ConfigError, match=said):
            backend_context(BalancerConfig(backend_ca=path))


def test_backends_as_they_are_written() -> None:
    backend = parse_backend("shop=https://shop.test:8443*3")
    assert (backend.name, backend.host, backend.port, backend.weight, backend.tls) == (
        "shop",
        "shop.test",
        8443,
        3,
        True,
    )
    backend = parse_backend("https://[::1]:8443")
    assert (backend.name, backend.host, backend.address, backend.tls) == ("[::1]:8443", "::1", "[::1]:8443", True)
    assert not parse_backend("http://127.0.0.1:80").tls
    for text in (
        "https://shop.test",
        "httpx://shop.test:1",
        "https://.test:1",
        "https://shop.test:1/x",
        "a=b=https://c:1",
    ):
        with pytest.raises(ConfigError):
            parse_backend(text)
