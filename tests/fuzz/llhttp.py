"""llhttp as a reader: node's own parser in one child process that lives as long as the tests need it."""

import json
import shutil
import subprocess
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fuzz.readings import Reading, Seen

NODE = shutil.which("node") or shutil.which("nodejs")


class Llhttp:
    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def read(self, streams: list[bytes]) -> list[Reading]:
        """One reading for each stream, in order."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # From a thread: both pipes are small, and node writes while it reads.
        writing = threading.Thread(target=self._write, args=(streams,))
        writing.start()
        lines = [self._process.stdout.readline() for _ in streams]
        writing.join()
        return [_reading(line) for line in lines]

    def _write(self, streams: list[bytes]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"".join(len(stream).to_bytes(4, "big") + stream for stream in streams))
        self._process.stdin.flush()


def _reading(line: bytes) -> Reading:
    told = json.loads(line)
    requests = [
        Seen(method.encode("latin-1"), target.encode("latin-1"), host.encode("latin-1"), b64decode(body))
        for method, target, host, body in told["requests"]
    ]
    return Reading(requests, told["end"], told["why"])


@contextmanager
def llhttp() -> Iterator[Llhttp]:
    """Needs node (NODE is not None)."""
    assert NODE is not None
    command = [NODE, "--no-deprecation", str(Path(__file__).with_name("llhttp.js"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Llhttp(process)
        finally:
            process.kill()
