"""A backend that counts what it does: python scripted.py [LONGEST_REST]

It answers each request with its path, and tells at /processed how often it has done each, as JSON. With LONGEST_REST it
closes each connection after a random rest of up to so many seconds, and is busy for a millisecond before it does: what
arrives in that time is not read any more, as with every server whose timers run before its sockets.
"""

import asyncio
import json
import re
import sys
import time
from collections import Counter
from random import Random

import uvloop

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
LONGEST_REST = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
BUSY = 0.001

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
        if LONGEST_REST and not self.buffer:
            self.tired = asyncio.get_running_loop().call_later(rng.uniform(0, LONGEST_REST), self.close)

    def answer(self, path: bytes) -> None:
        if path == b"/processed":
            body = json.dumps(processed).encode()
        else:
            body = path
            processed[path.decode()] += 1
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def close(self) -> None:
        time.sleep(BUSY)
        self.transport.close()


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


uvloop.run(main())
