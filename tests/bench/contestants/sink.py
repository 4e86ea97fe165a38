"""A backend that reads a request's whole body, throws it away, and then answers: `sink.py PORT`."""

import asyncio
import re
import sys

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 4\r\n\r\nread"


class Sink(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.left = 0
        self.head = b""

    def data_received(self, data: bytes) -> None:
        if not self.left:
            self.head += data
            end = self.head.find(b"\r\n\r\n") + 4
            if end < 4:
                return
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", self.head[:end])
            self.left = int(length[1]) if length else 0
            data, self.head = self.head[end:], b""
        self.left -= len(data)
        if not self.left:
            self.transport.write(ANSWER)  # type: ignore[attr-defined]


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


uvloop.run(main())
