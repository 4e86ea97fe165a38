"""A backend that serves everything a balancer passes on, and fails now and then:

    python moody.py [--port PORT] [--moods SHARE] [--record FILE] [--seed N]

The path says what is asked: /large/N, /chunked/N, /slow/N, anything else. It answers with the SHA-256 of path and
body, and with N more bytes; an upgrade gets its bytes back. So many of the answers (--moods) are cut, reset, garbage,
or none, and as many connections are closed after a short rest. With --record the paths of POSTs go to a file.
"""

import argparse
import asyncio
import contextlib
import hashlib
import os
import socket
import struct
from random import Random

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--moods", type=float, default=0.0)
parser.add_argument("--record", default=os.devnull)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
record = os.open(options.record, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
rng = Random(options.seed)
talks: set["asyncio.Task[None] | None"] = set()

MOODS = ("no answer", "half a head", "half a body", "reset", "garbage")
RESET = struct.pack("ii", 1, 0)
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    task = asyncio.current_task()
    talks.add(task)
    try:
        with contextlib.suppress(asyncio.IncompleteReadError, TimeoutError, OSError):
            await talk(reader, writer)
    finally:
        talks.discard(task)
        writer.close()


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        tired = rng.uniform(0.0, 0.02) if rng.random() < options.moods else None
        async with asyncio.timeout(tired) as patience:
            head = await reader.readuntil(b"\r\n\r\n")
            patience.reschedule(None)
        method, path = head.split(b" ")[:2]
        if b"upgrade: websocket" in head.lower():
            writer.write(SWITCHED)
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            return
        body = await read_body(reader, head.lower())
        if method == b"POST":
            os.write(record, path + b"\n")
        mood = rng.choice(MOODS) if rng.random() < options.moods and path != b"/health" else ""
        if not await answer(writer, path, hashlib.sha256(path + b"|" + body).hexdigest().encode(), mood):
            return


async def read_body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    if b"\r\ntransfer-encoding: chunked\r\n" in head:
        body = b""
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
        return body
    _, found, rest = head.partition(b"\r\ncontent-length:")
    return await reader.readexactly(int(rest.split(b"\r\n")[0])) if found else b""


async def answer(writer: asyncio.StreamWriter, path: bytes, body: bytes, mood: str) -> bool:
    """Whether the connection goes on."""
    kind, _, more = path.strip(b"/").partition(b"/")
    if kind in (b"large", b"chunked", b"slow"):
        body += b"+" * int(more.split(b"/")[0])
    head = b"HTTP/1.1 200 OK\r\n" + (
        b"Transfer-Encoding: chunked\r\n\r\n" if kind == b"chunked" else b"Content-Length: %d\r\n\r\n" % len(body)
    )
    if mood == "garbage":
        ambiguous = head.replace(b"\r\n\r\n", b"\r\nContent-Length: 1\r\n\r\n")
        head = rng.choice((b"\x00\xff", b"HTTP/1.1 2OO\r\n\r\n", ambiguous))
    cut = {"no answer": 0, "half a head": 20, "half a body": len(head) + len(body) // 2, "reset": rng.choice((0, 30))}
    step = 16384 if kind != b"slow" else max(1, len(body) // 10)
    parts = [body[at : at + step] for at in range(0, len(body), step)]
    if kind == b"chunked":
        parts = [b"%x\r\n%b\r\n" % (len(part), part) for part in parts] + [b"0\r\n\r\n"]
    left = cut.get(mood, 1 << 60)
    for part in (head, *parts):
        writer.write(part[:left])
        left -= min(left, len(part))
        await writer.drain()
        if kind == b"slow":
            await asyncio.sleep(0.01)
    if mood == "reset":
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()
    return not mood


async def main() -> None:
    server = await asyncio.start_server(greet, "127.0.0.1", options.port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
