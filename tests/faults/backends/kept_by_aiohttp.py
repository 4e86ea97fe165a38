"""An aiohttp server that counts what it does: python kept_by_aiohttp.py KEEPALIVE_TIMEOUT

It answers each request with its path, tells at /processed how often it has done each, and is busy now and then.
"""

import asyncio
import sys
import time
from collections import Counter

from aiohttp import web

BUSY = 0.02

processed: Counter[str] = Counter()


async def answer(request: web.Request) -> web.Response:
    if request.path == "/processed":
        return web.json_response(processed)
    await request.read()
    processed[request.path] += 1
    return web.Response(text=request.path)


def be_busy() -> None:
    time.sleep(BUSY)
    asyncio.get_running_loop().call_later(5 * BUSY, be_busy)


async def main() -> None:
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app, keepalive_timeout=float(sys.argv[1]))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    be_busy()
    await asyncio.Event().wait()


asyncio.run(main())
