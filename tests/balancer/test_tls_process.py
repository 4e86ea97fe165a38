"""TLS and the PROXY protocol as whole processes, with other people's programs: curl, openssl and HAProxy."""

import asyncio
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from servers.control import call
from tests.balancer.certificates import Authority
from tests.balancer.rig import PATIENCE, get
from tests.balancer.test_process import SERVER, Load, Processes

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])  # the balancer's own loop is in its process


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


@pytest.fixture
async def processes(short_folder: Path) -> AsyncIterator[Processes]:
    these = Processes(short_folder)
    yield these
    await these.end()


async def run(*command: str, said: bytes = b"") -> tuple[int, str]:
    """A program to its end; its exit code, and what it has said."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(20):
        output, _ = await process.communicate(said)
    assert process.returncode is not None
    return process.returncode, output.decode("latin-1")


async def line_of_stderr(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE):
        return (await process.stderr.readline()).decode()


@needs("curl")
async def test_curl(processes: Processes, authority: Authority, certificate: str) -> None:
    _, address = await processes.server("one")
    await processes.balancer("--backend", address, "--tls-certificate", certificate)
    url = processes.url.replace("127.0.0.1", "localhost")
    assert url.startswith("https://localhost:")
    curl = ["curl", "-sS", "--max-time", "10", "--cacert", authority.file]
    assert await run(*curl, url, url) == (0, "oneone")
    status = ["-o", "/dev/null", "-w", "%{http_version} %{response_code} %{ssl_verify_result} "]
    assert await run(*curl, *status, "--http2", url) == (0, "1.1 200 0 ")
    assert await run(*curl, "--tls-max", "1.2", "--data", "x=1", url) == (0, "one")
    code, said = await run("curl", "-sS", "--max-time", "10", url)
    assert code == 60, said  # nobody vouches for it
    code, said = await run(*curl, "--tls-max", "1.1", url)
    assert code == 35, said
    assert await run("curl", "-sS", url.replace("https", "http")) == (
        0,
        "400 Bad Request: only TLS is spoken here: use https://\n",
    )


@needs("openssl")
async def test_openssl_s_client(processes: Processes, authority: Authority, certificate: str, tmp_path: Path) -> None:
    _, address = await processes.server("one")
    await processes.balancer("--backend", address, "--tls-certificate", certificate)
    s_client = [
        "openssl", "s_client", "-connect", processes.url.removeprefix("https://"), "-servername", "localhost",
        "-CAfile", authority.file, "-verify_return_error", "-ign_eof",
    ]  # fmt: skip
    asked = get("/", "Connection: close")
    code, said = await run(*s_client, "-alpn", "h2,http/1.1", said=asked)
    assert code == 0
    assert "ALPN protocol: http/1.1" in said
    assert "Verify return code: 0 (ok)" in said
    assert said.rstrip().endswith("closed")
    assert "\r\n\r\none" in said
    code, said = await run(*s_client, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", said=asked)
    assert code != 0
    assert "alert protocol version" in said
    code, said = await run(*s_client, "-alpn", "h2", said=asked)
    assert code != 0
    assert "alert no application protocol" in said
    for version in ("-tls1_2", "-tls1_3"):
        session = str(tmp_path / f"session{version}")
        _, first = await run(*s_client, version, "-sess_out", session, said=asked)
        _, second = await run(*s_client, version, "-sess_in", session, said=asked)
        assert ("New, TLSv1" in first, "Reused, TLSv1" in second) == (True, True)


async def test_a_certificate_is_renewed_under_load(processes: Processes, authority: Authority) -> None:
    path = authority.issue("renewed")
    _, address = await processes.server("one")
    balancer = await processes.balancer("--backend", address, "--tls-certificate", path)
    host, _, port = processes.url.removeprefix("https://").rpartition(":")
    before = await shown(host, int(port), authority)
    async with Load(processes.url.replace("127.0.0.1", "localhost"), tls=authority.client()) as load:
        await load.more(50)
        authority.spoil("renewed")
        balancer.send_signal(signal.SIGHUP)
        assert await line_of_stderr(balancer) == (
            f"balancer: the old certificate stays in force: {path} holds no certificate\n"
        )
        assert await shown(host, int(port), authority) == before
        authority.issue("renewed")
        balancer.send_signal(signal.SIGHUP)
        async with asyncio.timeout(PATIENCE):
            while await shown(host, int(port), authority) == before:
                pass
        await load.more(50)
    assert set(load.got) == {"one"}


async def test_all_workers_show_the_new_certificate(processes: Processes, authority: Authority) -> None:
    path = authority.issue("shared")
    _, address = await processes.server("one")
    balancer = await processes.balancer("--backend", address, "--tls-certificate", path, "--workers", "2")
    host, _, port = processes.url.removeprefix("https://").rpartition(":")
    before = await shown(host, int(port), authority)
    authority.issue("shared")
    balancer.send_signal(signal.SIGHUP)
    async with asyncio.timeout(PATIENCE):
        renewed = 0  # in a row: each worker gets its share of the connections
        while renewed < 20:
            renewed = renewed + 1 if await shown(host, int(port), authority) != before else 0
    for _ in range(20):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(get())
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
        writer.close()
    assert (await call(processes.control, "state"))["turned_away"]["no TLS"] == 20


async def shown(host: str, port: int, authority: Authority) -> str:
    """The serial number of the certificate that a new connection is shown."""
    _, writer = await asyncio.open_connection(host, port, ssl=authority.client(), server_hostname="localhost")
    certificate = writer.get_extra_info("peercert")
    writer.close()
    await writer.wait_closed()
    return str(certificate["serialNumber"])


async def test_stopping_waits_for_nobody_who_only_shakes_hands(processes: Processes, certificate: str) -> None:
    _, address = await processes.server("one")
    balancer = await processes.balancer("--backend", address, "--tls-certificate", certificate)
    reader, writer = await asyncio.open_connection(*processes.url.removeprefix("https://").split(":"))
    writer.write(b"\x16\x03\x01\x02\x00\x01")
    await until_connected(processes)
    balancer.send_signal(signal.SIGTERM)
    async with asyncio.timeout(5):
        assert await balancer.wait() == 0
        assert await reader.read() == b""
    writer.close()
    assert await line_of_stderr(balancer) == ""


async def until_connected(processes: Processes) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await call(processes.control, "state"))["connections"] == 0:
            pass


@pytest.mark.slow
@needs("openssl")
async def test_files_that_will_not_do_are_one_clear_line(
    processes: Processes, authority: Authority, certificate: str, tmp_path: Path
) -> None:
    encrypted, other = str(tmp_path / "encrypted.pem"), authority.issue("other")
    await run("openssl", "pkey", "-in", certificate, "-aes256", "-passout", "pass:secret", "-out", encrypted)
    for options, said in {
        ("--tls-certificate", "/nowhere/c.pem"): "--tls-certificate: /nowhere/c.pem cannot be",
        ("--tls-certificate", authority.file): "ca.pem holds no private key; name its file by --tls-key",
        ("--tls-certificate", certificate, "--tls-key", other): "other.pem is not the key of the first certificate in",
        ("--tls-certificate", certificate, "--tls-key", encrypted): "encrypted.pem is encrypted, and nobody is here",
        ("--tls-key", certificate): "--tls-key: goes with --tls-certificate",
        ("--backend-ca", "/nowhere/ca.pem"): "--backend-ca: /nowhere/ca.pem cannot be",
        ("--backend-verify", "never"): "--backend-verify: is one of full, none, not 'never'",
        ("--proxy-protocol-from", "10.0.0.1/8"): "--proxy-protocol-from: '10.0.0.1/8' is no network such as",
        ("--trusted-forwarders", "me"): "--trusted-forwarders: 'me' is no network such as",
        ("--backend", "https://"): "--backend: ",
    }.items():
        for check in ([], ["--check"]):
            process, _ = await processes.start("-m", "balancer", "--listen", "127.0.0.1:0", *options, *check)
            _, errors = await process.communicate()
            assert (process.returncode, errors.decode().count("\n")) == (2, 1), errors.decode()
            assert said in errors.decode()


SHOWS_CLIENT = SERVER.replace(
    "text=sys.argv[1]", "text=request.headers['X-Forwarded-For'] + ' ' + request.headers['X-Forwarded-Proto']"
)
HAPROXY = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend v1
    bind fd@{v1}
    bind unix@{folder}/v1
    default_backend v1
frontend v2
    bind fd@{v2}
    bind unix@{folder}/v2
    default_backend v2
backend v1
    server balancer {address} send-proxy check inter 100ms
backend v2
    server balancer {address} send-proxy-v2 check-send-proxy check inter 100ms proxy-v2-options crc32c
"""


@needs("haproxy")
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_haproxy_is_the_forwarder(
    scheme: str, processes: Processes, authority: Authority, certificate: str, short_folder: Path
) -> None:
    """Its send-proxy and send-proxy-v2, with health checks of its own; over TLS it passes on what it cannot read."""
    _, address = await processes.server("one", SHOWS_CLIENT)
    tls = ["--tls-certificate", certificate] if scheme == "https" else []
    await processes.balancer("--backend", address, "--proxy-protocol-from", "127.0.0.0/8", *tls)
    doors = {version: socket.create_server(("127.0.0.1", 0)) for version in ("v1", "v2")}
    numbers = {version: door.fileno() for version, door in doors.items()}
    config = HAPROXY.format(folder=short_folder, address=processes.url.rpartition("/")[2], **numbers)
    haproxy = await asyncio.create_subprocess_exec(
        "haproxy", "-db", "-f", "/dev/stdin", stdin=asyncio.subprocess.PIPE, pass_fds=list(numbers.values())
    )
    processes.started.append(haproxy)
    assert haproxy.stdin is not None
    haproxy.stdin.write(config.encode())
    haproxy.stdin.close()
    for version, door in doors.items():
        port = door.getsockname()[1]
        door.close()
        connector = aiohttp.TCPConnector(local_addr=("127.0.0.5", 0))  # whom the header has to name
        async with aiohttp.ClientSession(connector=connector) as http:
            for _ in range(3):
                async with http.get(f"{scheme}://localhost:{port}/", ssl=authority.client()) as answer:
                    assert (answer.status, await answer.text()) == (200, f"127.0.0.5 {scheme}")
        reader, writer = await asyncio.open_unix_connection(str(short_folder / version))  # UNKNOWN, UNSPEC
        if scheme == "https":
            await writer.start_tls(authority.client(), server_hostname="localhost")
        writer.write(get("/", "Connection: close"))
        assert (await reader.read()).decode().endswith(f"\r\n\r\n127.0.0.1 {scheme}")
        writer.close()
    state = await call(processes.control, "state")
    assert state["totals"]["requests"] == 8
    assert set(state["turned_away"]) <= {"gone"}  # checks that only connect
