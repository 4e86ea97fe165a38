"""Real Redis and PostgreSQL servers for the tests, one of each per pytest worker."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios.cluster.postgres_server import PostgresServer
from scenarios.cluster.redis_server import RedisServer

os.environ.pop("LAB", None)  # how the launcher was called (`./lab test`): the tests call the program itself


@pytest.fixture(scope="session", autouse=True)
def kept_runs_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs are kept in the user's home unless somebody says otherwise; the tests' are not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for the name of a Unix socket (tmp_path does not)."""
    folder = Path(tempfile.mkdtemp(prefix="lab-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def redis_server_url(short_folder: Path) -> Iterator[str]:
    server = RedisServer(short_folder, environ={"PATH": "/usr/bin:/usr/local/bin"})
    asyncio.run(server.start())
    yield server.url
    asyncio.run(server.stop())


@pytest.fixture
def redis_url(redis_server_url: str) -> str:
    """The URL of a real, empty Redis."""
    import redis

    with redis.Redis.from_url(redis_server_url) as client:
        client.flushall()
    return redis_server_url


@pytest.fixture(scope="session")
def postgres_server_dsn(short_folder: Path) -> Iterator[str]:
    server = PostgresServer(short_folder, environ={})
    asyncio.run(server.start())
    yield server.url
    asyncio.run(server.stop())


@pytest.fixture
async def postgres_dsn(postgres_server_dsn: str) -> str:
    """The DSN of a real, empty PostgreSQL database."""
    import asyncpg

    connection = await asyncpg.connect(postgres_server_dsn)
    try:
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    finally:
        await connection.close()
    return postgres_server_dsn


@pytest.fixture(scope="session")
def docker_environ() -> dict[str, str]:
    """What a lab in containers is told; skipped without an engine, unless SESSION_LAB_REQUIRE_DOCKER is set (.ci/run).
    SESSION_LAB_STAND_INS names an image with Debian's programs where no registry can be reached."""
    try:
        asked = ["docker", "version", "--format", "{{.Server.Version}}"]
        subprocess.run(asked, check=True, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as problem:
        if os.environ.get("SESSION_LAB_REQUIRE_DOCKER"):
            pytest.fail(f"no Docker Engine: {getattr(problem, 'stderr', '') or problem}")
        pytest.skip("no Docker Engine answers: set DOCKER_HOST, or start one")
    kept = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATABASE_URL")}
    stand_in = os.environ.get("SESSION_LAB_STAND_INS")
    if not stand_in:
        return kept
    postgres = {"POSTGRES_IMAGE": "session-lab-tests-postgres"}
    words = ["docker", "build", "--quiet", "--build-arg", f"SERVICES={stand_in}", "-t", postgres["POSTGRES_IMAGE"]]
    folder = Path(__file__).parent / "docker"
    environ = {**os.environ, "DOCKER_BUILDKIT": "0"}
    subprocess.run([*words, "-f", folder / "postgres.Dockerfile", folder], env=environ, check=True, capture_output=True)
    return {**kept, **{f"{name}_IMAGE": stand_in for name in ("REDIS", "NGINX", "HAPROXY")}, **postgres}
