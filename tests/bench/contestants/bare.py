"""Ours without sessions: the same handler, the same answer, no look-up. The yardstick for what a session costs."""

import asyncio
import time

from aiohttp import web

from servers.answer import NAME, answer, answers_middleware
from servers.config import ServerConfig
from servers.members import Passwords
from servers.orders import Orders
from servers.serve import new_event_loop
from servers.sessions import Sessions
from servers.shop import Shop, count
from servers.stores.memory import MemoryStore


async def whoami(request: web.Request) -> web.Response:
    return answer(request, "whoami")


async def main() -> None:
    config = ServerConfig()
    sessions = Sessions(MemoryStore(time.time), time.time, idle_timeout=1800, absolute_timeout=43200)
    shop = Shop(config, sessions, Orders(""), Passwords("light"))
    app = web.Application(middlewares=[count(shop), answers_middleware(config.name)])
    app[NAME] = config.name
    app.add_routes([web.get("/whoami", whoami)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print("http://{}:{}".format(*runner.addresses[0][:2]), flush=True)
    await asyncio.Event().wait()


with asyncio.Runner(loop_factory=new_event_loop) as loop:
    loop.run(main())
