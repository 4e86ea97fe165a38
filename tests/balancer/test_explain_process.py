"""`python -m balancer --explain`: its ways to name a request, what it says, and its exit codes."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from servers.control import call, serve_control
from tests.balancer.test_process import Processes

once = pytest.mark.asyncio(loop_factories=["asyncio"])  # the balancer's own loop is in its process

SERVERS = ("--backend", "a=127.0.0.1:1", "--backend", "b=127.0.0.1:2")


@pytest.fixture
async def processes(short_folder: Path) -> AsyncIterator[Processes]:
    these = Processes(short_folder)
    yield these
    await these.end()


def explain(*options: str, given: bytes = b"") -> tuple[int, str, str]:
    command = [sys.executable, "-m", "balancer", "--explain", *options]
    done = subprocess.run(command, input=given, capture_output=True, timeout=30, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_request_in_words() -> None:
    code, said, errors = explain(
        "GET /cart",
        "--header",
        "Cookie: session_id=abc",
        "--header",
        "Connection: close",
        "--client",
        "10.0.0.7",
        *SERVERS,
    )
    assert (code, errors) == (0, "")
    lines = said.splitlines()
    assert lines[0] == "asked      no balancer runs: all servers taken for up"
    assert lines[1] == "request    GET /cart from 10.0.0.7"
    assert "choice     a: its turn, 1 of 2" in lines
    assert "dropped    Connection: close  (about this connection)" in lines
    assert "           Host: 127.0.0.1:8080" in lines
    assert lines[-5:-3] == ["           Cookie: session_id=abc", "           X-Forwarded-For: 10.0.0.7"]
    assert said.count("abc") == 1, "only in the head as sent"


def test_a_file_with_settings_and_a_file_with_a_request(tmp_path: Path) -> None:
    settings, request = tmp_path / "balancer.toml", tmp_path / "request"
    settings.write_text('backend = ["a=127.0.0.1:1", "b=127.0.0.1:2"]\npolicy = "ip_hash"\n')
    request.write_bytes(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok")
    code, said, _ = explain(str(request), "--config", str(settings))
    assert code == 0
    assert "framing    a body of 2 bytes" in said
    assert "policy     ip_hash" in said


@pytest.mark.parametrize(
    ("given", "code", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 0, ""),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nx\n", 0, ""),
        (b"GET / HTTP/1.1\nHost: h\n\n", 1, "400"),
        (b"GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 1, "400"),
        (b"GET / HTTP/1.1\r\nHost: h\r\n", 1, "408"),
    ],
)
def test_standard_input_is_explained_as_it_is(given: bytes, code: int, status: str) -> None:
    found, said, _ = explain("-", *SERVERS, given=given)
    assert found == code
    assert ("answer     HTTP/1.1 " + status in said) is (code == 1)


def test_a_refused_request_shows_its_answer() -> None:
    code, said, errors = explain("GET /", "--header", "Content-Length: 1, 2", *SERVERS)
    assert (code, errors) == (1, "")
    assert "refused    malformed Content-Length (RFC 9110 section 8.6)\nanswer     HTTP/1.1 400 Bad Request\n" in said
    assert said.endswith("\n\n           400 Bad Request: malformed Content-Length\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["/nowhere"],
            "--explain: /nowhere cannot be read: No such file or directory; name a file, or 'METHOD TARGET'",
        ),
        (["-", "--header", "A: b"], "--header goes with --explain 'METHOD TARGET'; write it into the file"),
        (["GET /", "--client", "me"], "--client: an address looks like 127.0.0.1 or ::1, not 'me'"),
        (["", "--header", "A: b"], "--header goes with --explain 'METHOD TARGET'; write it into the file"),
        (["GET /", "--rise", "0"], "--rise: must be at least 1, not 0"),
    ],
)
def test_what_cannot_be_explained(options: list[str], said: str) -> None:
    assert explain(*options) == (2, "", f"python -m balancer: {said}\n")


@once
async def test_a_running_balancer_is_asked(processes: Processes) -> None:
    servers = {name: await processes.server(name) for name in ("one", "two")}
    backends = [word for name, (_, address) in servers.items() for word in ("--backend", f"{name}={address}")]
    await processes.balancer(*backends, "--policy", "sticky_cookie")
    async with aiohttp.ClientSession() as http, http.get(processes.url) as answer:
        assert await answer.text() == "one"
        cookie = f"Cookie: lab_server={answer.cookies['lab_server'].value}"
    await call(processes.control, "drain", name="one")
    before = await call(processes.control, "state")

    def ask(*options: str) -> tuple[int, str, str]:
        return explain("GET /", "--control", str(processes.control), *options)

    code, said, errors = await asyncio.to_thread(ask, "--header", cookie)
    assert (code, errors) == (0, "")
    assert said.startswith(f"asked      the balancer at {processes.control}\n")
    assert "servers    one: draining, keeps its users; weight 1, 0 in flight\n           two: up;" in said
    assert "choice     one: the cookie lab_server names it\n" in said
    _, said, _ = await asyncio.to_thread(ask)
    assert "choice     two: no cookie lab_server, so a new user; its turn, 1 of 1" in said
    assert await call(processes.control, "state") == before


@once
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_who_names_no_host_has_come_to_the_port_that_was_free(processes: Processes, workers: str) -> None:
    _, address = await processes.server("one")
    await processes.balancer("--backend", address, "--listen", "127.0.0.1:0", "--workers", workers)
    _, said, _ = await asyncio.to_thread(
        explain, "-", "--control", str(processes.control), given=b"GET / HTTP/1.0\r\n\r\n"
    )
    assert f"           Host: {processes.url.removeprefix('http://').rstrip('/')}\n" in said


@once
async def test_with_workers_one_of_them_is_asked(processes: Processes) -> None:
    _, address = await processes.server("one")
    await processes.balancer("--backend", address, "--workers", "2")
    code, said, _ = await asyncio.to_thread(explain, "GET /", "--control", str(processes.control))
    assert code == 0
    assert "worker     the first of 2; each has turns and health checks of its own\n" in said
    assert f"choice     {address}: its turn, 1 of 1\n" in said


@once
async def test_a_control_socket_without_answers(short_folder: Path) -> None:
    path = short_folder / "other.sock"
    server = await serve_control(path, {})
    code, _, errors = await asyncio.to_thread(explain, "GET /", "--control", str(path))
    await server.close()
    assert (code, errors.count("\n")) == (2, 1)
    assert "unknown command 'explain'" in errors
    assert str(path) in errors
