"""Locust as processes under ours: one that does everything, or a master and its workers."""

import asyncio
import importlib.util
import json
import os
import resource
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Self

import scenarios
from scenarios.cluster.ground import check_port
from scenarios.cluster.programs import die_with_parent
from scenarios.errors import LabError
from scenarios.swarm.wanted import Load

LOCUSTFILE = Path(scenarios.__file__).parent / "load" / "locustfile.py"
WEB_HOST = "127.0.0.1"
PATIENCE = ("--expect-workers-max-wait", "30")  # seconds
LONGEST_LINE = 1 << 20  # bytes
ENDS_WITHIN = 45.0  # seconds: the last answers, and locust's own reports
DESCRIPTORS_BESIDE_USERS = 100
DESCRIPTORS_PER_USER = 2  # a user may have two tabs open


def check(load: Load) -> None:
    """Raises LabError, in one line, when this cannot work."""
    if importlib.util.find_spec("locust") is None:
        raise LabError("lab load needs locust, which is not installed: pip install 'session-lab[locust]'")
    if load.web_port is not None:
        try:
            check_port(WEB_HOST, load.web_port)
        except LabError as refusal:
            raise LabError(f"no web UI: {str(refusal).partition(':')[0]}; choose another --web-port") from None
    for option, path in (("--html", load.html), ("--csv", load.csv)):
        if path is not None and (path.is_dir() or not os.access(path.parent, os.W_OK)):
            why = "is a folder" if path.is_dir() else f"cannot be written: {path.parent} is no folder we may write to"
            raise LabError(f"{path} {why}; name another {option}")
    needed = -(-load.users // max(1, load.workers)) * DESCRIPTORS_PER_USER + DESCRIPTORS_BESIDE_USERS
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if allowed != resource.RLIM_INFINITY and needed > allowed:
        raise LabError(
            f"{load.users} users need about {needed} open files in each locust process, and {allowed} are allowed: "
            "use more --workers or fewer --users, or raise `ulimit -Hn`"
        )


class Swarm:
    """Use `async with await Swarm.start(...)`; its end ends every process of it."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        """What is to be said of workers that have ended unasked."""
        self.ended = False
        self._log: deque[str] = deque(maxlen=200)
        self._processes: list[asyncio.subprocess.Process] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._lines: asyncio.StreamReader
        self._pipe: asyncio.BaseTransport | None = None

    @classmethod
    async def start(cls, url: str, load: Load, law: float | None) -> Self:
        """`law` is what theory expects, for locust's web UI. Raises LabError when a process cannot be started."""
        swarm = cls()
        words = main_words(url, load, law)
        try:
            if not load.workers:
                await swarm._spawn_main(words)
            else:
                bind = ("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", "0")
                await swarm._spawn_main([*words, *bind, "--expect-workers", str(load.workers), *PATIENCE])
                port = await swarm._port_of_master()
                for number in range(1, load.workers + 1):
                    worker = await swarm._spawn(["--worker", "--master-host", "127.0.0.1", "--master-port", port])
                    swarm._keep(swarm._watch(worker, number, load.workers))
        except BaseException:
            await swarm.end()
            raise
        return swarm

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    async def told(self) -> AsyncIterator[dict[str, Any]]:
        """What locust tells, a line a second, until its end. Raises LabError when it ends without its last word."""
        line: dict[str, Any] = {}
        while text := await self._lines.readline():
            line = json.loads(text)
            self.ended = "exit_code" in line
            if line["broken"]:
                raise LabError(line["broken"])
            yield line
        self.ended = True
        if "exit_code" not in line:
            await self._processes[0].wait()
            raise LabError(f"locust has ended unasked: {self.last_words()}")

    def stop(self) -> None:
        """Ask for an orderly end: the last answers are counted and told."""
        self.ended = True
        main = self._processes[0]
        if main.returncode is None:
            main.send_signal(signal.SIGTERM)

    async def end(self) -> None:
        """End what still runs, and wait for it."""
        self.ended = True
        for process in self._processes:
            if process.returncode is None:
                process.kill()
        await asyncio.gather(*(process.wait() for process in self._processes))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._pipe is not None:
            self._pipe.close()

    def last_words(self) -> str:
        """The last error that was logged, else the last line."""
        said = [line for line in self._log if line.strip()]
        errors = [line.partition(": ")[2] for line in said if "/ERROR/" in line or "/CRITICAL/" in line]
        return (errors or said or ["it said nothing"])[-1]

    async def _spawn_main(self, words: Sequence[str]) -> None:
        """The process that tells us the numbers, on a pipe."""
        reading, writing = os.pipe()
        try:
            self._lines = asyncio.StreamReader(limit=LONGEST_LINE)
            protocol = asyncio.StreamReaderProtocol(self._lines)
            loop = asyncio.get_running_loop()
            self._pipe, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(reading, "rb", 0))
            await self._spawn([*words, "--tell", str(writing)], (writing,))
        finally:
            os.close(writing)

    async def _port_of_master(self) -> str:
        """Where it listens for workers, as its first line tells. Raises LabError when it ends instead."""
        async for line in self.told():
            return str(line["port"])
        raise LabError(f"locust's master has not begun: {self.last_words()}")

    async def _spawn(self, words: Sequence[str], keep: Sequence[int] = ()) -> asyncio.subprocess.Process:
        parent = os.getpid()

        def prepare() -> None:  # in the child
            die_with_parent(signal.SIGKILL, parent)
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "locust", "-f", str(LOCUSTFILE), *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is ours to pass on
            preexec_fn=prepare,
            pass_fds=tuple(keep),
        )
        self._processes.append(process)
        self._keep(self._read_log(process))
        return process

    def _keep(self, work: Any) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while block := await process.stderr.read(LONGEST_LINE):
            self._log.extend(block.decode(errors="replace").splitlines())

    async def _watch(self, worker: asyncio.subprocess.Process, number: int, of: int) -> None:
        code = await worker.wait()
        if code and not self.ended:  # 0: its master, who may be slower than it, has sent it home
            how = signal.strsignal(-code) if code < 0 else f"exit code {code}"
            self.lost.append(
                f"worker {number} of {of} has ended unasked ({how}): its users are gone, "
                "and what they did in its last seconds"
            )


def main_words(url: str, load: Load, law: float | None) -> list[str]:
    """The command line of the process that users do not care about: the only one, or the master."""
    words = ["--host", url, "--users", str(load.users), "--spawn-rate", str(load.spawn_rate), "--only-summary"]
    words += ["--think", str(load.think), "--seed", str(load.seed)]
    options = {"--law": law, "--shape": load.shape, "--html": load.html, "--csv": load.csv}
    for option, value in options.items():
        words += [] if value is None else [option, str(value)]
    if load.run_time is not None:
        words += ["--run-time", f"{whole(load.run_time)}s"]
    if load.web_port is None:
        return [*words, "--headless"]
    words += ["--web-host", WEB_HOST, "--web-port", str(load.web_port), "--autostart"]
    return words if load.run_time is None else [*words, "--autoquit", "0"]


def whole(seconds: float) -> int:
    """Locust takes whole seconds only."""
    return -int(-seconds // 1)
