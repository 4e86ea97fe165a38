"""A backend of large bodies: python large.py SIZE

It answers a GET with SIZE bytes, as fast as they are taken, and takes nothing of the body of a POST.
"""

import asyncio
import contextlib
import sys

SIZE = int(sys.argv[1])
PART = b"x" * 65536


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
            for at in range(0, SIZE, len(PART)):
                writer.write(PART[: SIZE - at])
                await writer.drain()
        await asyncio.sleep(3600)  # the loop holds on to who sleeps, and to nobody else


async def main() -> None:
    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
