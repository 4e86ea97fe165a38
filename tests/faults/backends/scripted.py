"""A backend that counts what it does: python scripted.py [--longest-rest SECONDS] [--record FILE] [--port PORT]

It answers each request with its path, and tells at /processed how often it has done each, as JSON. With --longest-rest
it closes each connection after a random rest of up to so many seconds, and is busy for a millisecond before it does:
what arrives in that time is not read any more, as with every server whose timers run before its sockets. With --record
it writes each request's path to a file before it answers, for those who may kill it.
"""

import argparse
import asyncio
import json
import os
import re
import time
from collections import Counter
from random import Random

import uvloop

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
BUSY = 0.001

parser = argparse.ArgumentParser()
parser.add_argument("--longest-rest", type=float, default=0.0)
parser.add_argument("--record", default=os.devnull)
parser.add_argument("--port", type=int, default=0)
options = parser.parse_args()
record = os.open(options.record, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
processed: Counter[str] = Counter()
rng = Random(1)


class Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""
        self.tired: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        if self.tired is not None:
            self.tired.cancel()
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n") + 4) >= 4:
            head = self.buffer[:end]
            length = LENGTH.search(head)
            whole = end + (int(length[1]) if length else 0)
            if len(self.buffer) < whole:
                return
            self.buffer = self.buffer[whole:]
            self.answer(head.split(b" ")[1])
        if options.longest_rest and not self.buffer:
            rest = rng.uniform(0, options.longest_rest)
            self.tired = asyncio.get_running_loop().call_later(rest, self.close)

    def answer(self, path: bytes) -> None:
        if path == b"/processed":
            body = json.dumps(processed).encode()
        else:
            body = path
            processed[path.decode()] += 1
            os.write(record, path + b"\n")
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def close(self) -> None:
        time.sleep(BUSY)
        self.transport.close()


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", options.port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


uvloop.run(main())
