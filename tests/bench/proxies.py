"""The proxies that are compared, their backends, and what they use: processes pinned to cores, CPU from the OS."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

HERE = Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")
PROXY_CORE, OTHER_CORE = 0, 1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pinned(core: int | str, command: Sequence[str], folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / f"{Path(command[0]).name}.log").open("ab") as log:
        return subprocess.Popen(["taskset", "-c", str(core), *command], stdout=log, stderr=log, cwd=HERE.parent.parent)


def family(pid: int) -> list[int]:
    """This process and its children (nginx works in a child)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in family(int(child)))]


def cpu_seconds(pid: int) -> float:
    """User plus system time of a process and its children, in steps of 10 ms."""
    total = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_mib(pid: int, what: str = "VmRSS") -> float:
    """Resident memory of a process and its children; VmHWM: the most it ever was."""
    texts = [Path(f"/proc/{member}/status").read_text() for member in family(pid)]
    return sum(int(found[1]) for text in texts if (found := re.search(rf"{what}:\s+(\d+) kB", text))) / 1024


def until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{process.args!r} does not listen on {port}") from None
            time.sleep(0.02)
        else:
            return


def configured(name: str, folder: Path, **values: object) -> str:
    """A config file of this folder with its values filled in."""
    text = (HERE / name).read_text()
    for key, value in {**values, "FOLDER": folder}.items():
        text = text.replace(f"@{key}@", str(value))
    path = folder / f"{name}.{values['PORT']}"
    path.write_text(text)
    return str(path)


def control_of(port: int, folder: Path) -> Path:
    """In a folder of its own, which the balancer closes to others."""
    return folder / str(port) / "control"


def ours(port: int, backends: list[int], folder: Path, options: Sequence[str]) -> list[str]:
    each = [word for backend in backends for word in ("--backend", f"127.0.0.1:{backend}")]
    fixed = ["--listen", f"127.0.0.1:{port}", "--health-path", "/", "--max-connections", "19000"]
    patient = ["--idle-timeout", "600", "--control", str(control_of(port, folder))]
    return [sys.executable, "-m", "balancer", *fixed, *patient, *options, *each]


def nginx(port: int, backends: list[int], folder: Path, options: Sequence[str]) -> list[str]:
    servers = "".join(f"server 127.0.0.1:{backend}; " for backend in backends)
    return ["nginx", "-c", configured("nginx-proxy.conf", folder, PORT=port, SERVERS=servers)]


def haproxy(port: int, backends: list[int], folder: Path, options: Sequence[str]) -> list[str]:
    """`options`: a line for the cookie that keeps users on their server."""
    servers = "\n".join(f"    server s{backend} 127.0.0.1:{backend} cookie s{backend}" for backend in backends)
    config = configured("haproxy.cfg", folder, PORT=port, SERVERS=servers, STICKY="\n    ".join(options))
    return ["haproxy", "-db", "-f", config]


PROXIES: dict[str, Callable[[int, list[int], Path, Sequence[str]], list[str]]] = {
    "ours": ours,
    "nginx": nginx,
    "haproxy": haproxy,
}


def installed(kind: str) -> bool:
    return kind == "ours" or shutil.which(kind) is not None


class Stage:
    """A folder and the processes of one benchmark; all gone at the end."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        self.folder.chmod(0o755)  # nginx's workers are another user when it is started by root

    def __enter__(self) -> "Stage":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def start(self, core: int | str, command: Sequence[str], port: int = 0) -> int:
        """The pid of a new process that listens on this port, if it listens at all."""
        process = pinned(core, command, self.folder)
        self._stack.callback(process.wait)
        self._stack.callback(process.terminate)
        if port:
            until_listening(port, process)
        return process.pid

    def backends(self, count: int) -> list[int]:
        """Ports of so many backends: one nginx that listens on all of them, and answers from memory."""
        with ExitStack() as held:  # all at once, so that none comes twice
            probes = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
            ports = [int(probe.getsockname()[1]) for probe in probes]
        listen = " ".join(f"listen 127.0.0.1:{port} backlog=4096;" for port in ports)
        config = configured("nginx-backend.conf", self.folder, PORT=ports[0], LISTEN=listen)
        self.start(OTHER_CORE, ["nginx", "-c", config], ports[0])
        return ports

    def sink(self) -> int:
        """The port of a backend that reads a whole body before it answers."""
        port = free_port()
        self.start(OTHER_CORE, [sys.executable, str(HERE / "contestants" / "sink.py"), str(port)], port)
        return port

    def proxy(self, kind: str, backends: list[int], options: Sequence[str]) -> tuple[int, int]:
        """(port, pid)."""
        port = free_port()
        return port, self.start(PROXY_CORE, PROXIES[kind](port, backends, self.folder, options), port)
