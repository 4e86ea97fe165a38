"""The warm parent of a cluster's processes: `python -m scenarios.cluster.nursery SOCKET_FD FOLDER`.

It imports what servers and the balancer need once, and forks them from that state: ten servers share the pages
and start in milliseconds. It has no event loop and no thread, so that a fork copies nothing half-done.

It also keeps the promise that a lab leaves nothing behind: when the lab's end of the socket closes, for whatever
reason (`kill -9` included), it ends every child and removes the folder. When the nursery itself is killed, the
kernel ends its children (PR_SET_PDEATHSIG) and the lab removes the folder.

One JSON object a line. From the lab: `{"do": "fork"|"launch"|"signal", "key": N, ...}`; to the lab, about child N:
`started` (pid), then `ready` (its address) or `refused` (why), and at last `ended` (exit status or -signal).
"""

import gc
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from scenarios.cluster.kinds import KINDS
from scenarios.cluster.postgres_server import wipe_postgres
from scenarios.cluster.programs import Program, die_with_parent, set_title, spawn
from scenarios.errors import LabError

PATIENCE = 3.0  # seconds that children have to end before they are killed


@dataclass
class Ward:
    pid: int
    pidfd: int
    end_signal: int
    process: subprocess.Popen[bytes] | None  # of a program: forgotten, `subprocess` would wait for it by itself


def warm() -> None:
    """Import what forked children need, and move it out of the collector's sight: a collection in a child would
    write to every object and copy every shared page."""
    gc.disable()  # nothing to collect while importing, and holes in freshly made pages cost memory later
    for module in ("servers.serve", "balancer.processes.serve"):
        import_module(module)
    gc.freeze()


class Nursery:
    def __init__(self, lab: socket.socket, folder: Path) -> None:
        self._lab = lab
        self._folder = folder
        self._selector = selectors.DefaultSelector()
        self._wards: dict[int, Ward] = {}
        self._received = b""
        self._warm = False
        self._lab_is_there = True

    def run(self) -> None:
        self._selector.register(self._lab, selectors.EVENT_READ, self._hear)
        while self._lab_is_there:
            # The first commands launch stores; importing waits until they are on their way.
            ready = self._selector.select(None if self._warm else 0.01)
            if not ready and not self._warm:
                self._become_warm()
            for key, _ in ready:
                key.data()

    def end_all(self) -> None:
        """End every child, at once where it can be done cleanly, and remove the folder."""
        for ward in self._wards.values():
            self._send(ward, ward.end_signal)
            self._send(ward, signal.SIGCONT)
        deadline = time.monotonic() + PATIENCE
        while self._wards and (left := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                if key.fileobj is self._lab:
                    self._selector.unregister(self._lab)
                else:
                    key.data()
        for ward in self._wards.values():
            self._send(ward, signal.SIGKILL)
        for ward in self._wards.values():
            self._collect(ward)
        wipe(self._folder)

    def _become_warm(self) -> None:
        if not self._warm:
            self._warm = True
            warm()

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            self._lab.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self._lab_is_there = False

    def _hear(self) -> None:
        try:
            received = self._lab.recv(65536)
        except OSError:
            received = b""
        if not received:
            self._lab_is_there = False
            return
        *lines, self._received = (self._received + received).split(b"\n")
        for line in lines:
            self._do(json.loads(line))

    def _do(self, command: dict[str, Any]) -> None:
        key = command["key"]
        if command["do"] == "signal":
            if ward := self._wards.get(key):
                self._send(ward, command["number"])
        elif command["do"] == "launch":
            program = Program(**command["program"])
            try:
                process = spawn(program)
                self._adopt(key, process.pid, program.end_signal, process)
            except LabError as error:
                self._tell({"key": key, "refused": str(error)})
        else:
            self._become_warm()
            self._fork(key, command["kind"], command["name"], command["config"])

    def _fork(self, key: int, kind: str, name: str, config: dict[str, Any]) -> None:
        nursery = os.getpid()
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            grow_up(kind, name, config, writing, self._folder, nursery)
        os.close(writing)
        self._adopt(key, pid, signal.SIGKILL)
        self._selector.register(reading, selectors.EVENT_READ, lambda: self._first_word(key, reading))

    def _first_word(self, key: int, reading: int) -> None:
        word = os.read(reading, 4096)
        self._selector.unregister(reading)
        os.close(reading)
        if word:  # otherwise it ended before it was ready, which its pidfd tells
            self._tell({"key": key, "ready": word.decode()})

    def _adopt(self, key: int, pid: int, end_signal: int, process: subprocess.Popen[bytes] | None = None) -> None:
        ward = self._wards[key] = Ward(pid, os.pidfd_open(pid), end_signal, process)
        self._selector.register(ward.pidfd, selectors.EVENT_READ, lambda: self._bury(key))
        self._tell({"key": key, "started": pid})

    def _bury(self, key: int) -> None:
        ward = self._wards.pop(key)
        self._selector.unregister(ward.pidfd)
        os.close(ward.pidfd)
        self._tell({"key": key, "ended": self._collect(ward)})

    def _collect(self, ward: Ward) -> int:
        if ward.process is not None:
            with suppress(OSError):  # its workers, if it was killed and could not end them; the number is still its own
                os.killpg(ward.pid, signal.SIGKILL)
            return ward.process.wait()
        return os.waitstatus_to_exitcode(os.waitpid(ward.pid, 0)[1])

    def _send(self, ward: Ward, number: int) -> None:
        with suppress(ProcessLookupError):  # a pidfd never names another process, even if the pid is used again
            signal.pidfd_send_signal(ward.pidfd, number)


def grow_up(kind: str, name: str, config: dict[str, Any], writing: int, folder: Path, nursery: int) -> None:
    """The life of a forked child, from the fork to its end; never returns."""
    status = 1
    try:
        os.setsid()  # Ctrl-C in the lab's terminal must not reach it: the lab ends its children in order
        die_with_parent(signal.SIGKILL, nursery)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        set_title(name)
        log = os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.dup2(writing, 3)
        os.closerange(4, highest_descriptor() + 1)  # the nursery's socket, the lab's lock, its siblings
        gc.enable()
        KINDS[kind](config, say_ready)
        status = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        else:
            status = end.code or 0
    except BaseException as error:  # noqa: BLE001 - nothing of the nursery's own stack may run in a child
        traceback.print_exc()
        print(error, file=sys.stderr)  # the last line of the log is what the lab shows
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def say_ready(address: str) -> None:
    os.write(3, address.encode())
    os.close(3)


def highest_descriptor() -> int:
    return max(int(name) for name in os.listdir("/proc/self/fd"))


def wipe(folder: Path) -> None:
    """Remove a lab's folder and what it points to."""
    wipe_postgres(folder / "pg")
    shutil.rmtree(folder, ignore_errors=True)


def main(argv: list[str]) -> None:
    lab = socket.socket(fileno=int(argv[1]))
    nursery = Nursery(lab, Path(argv[2]))
    set_title("lab-nursery")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        nursery.run()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        nursery.end_all()


if __name__ == "__main__":
    main(sys.argv)
