"""A connection that is over leaves nothing to the garbage collector, whose turns would hold up everybody else."""

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from balancer.front import Client
from balancer.heads import Heads
from balancer.secured import Secured
from balancer.telling.access_log import AccessLog
from balancer.upstream import Upstream
from balancer.wire import Wire
from tests.balancer.certificates import Authority
from tests.balancer.conftest import Start
from tests.balancer.rig import Rig, Server, get, until

CONNECTIONS = 5


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive() -> Counter[str]:
    kinds = (Client, Heads, Secured, Upstream, Wire)
    return Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, kinds))


async def come_and_go(rig: Rig, authority: Authority | None = None) -> None:
    before = alive()
    options = {"ssl": authority.client(), "server_hostname": "localhost"} if authority is not None else {}
    for _ in range(CONNECTIONS):
        line = await rig.connect(**options)
        assert (await line.ask(get())).status == 200
        assert alive() != before
        await line.hang_up()
    rig.pass_time(5)  # connections to the backend end, too
    await until(lambda: not rig.balancer.clients and not rig.balancer.upstreams)
    await until(lambda: alive() == before)


async def test_plain_connections_go_at_once(rig: Rig) -> None:
    await come_and_go(rig)


async def test_logged_connections_go_at_once(start: Start, tmp_path: Path) -> None:
    rig = await start(Server(), access_log=str(tmp_path / "log"))
    log = AccessLog(rig.balancer.config, b"secret")
    rig.balancer.use_log(log)
    await come_and_go(rig)
    log.close()


async def test_secured_connections_go_at_once(start: Start, authority: Authority, certificate: str) -> None:
    await come_and_go(await start(Server(), tls_certificate=certificate), authority)


async def test_secured_connections_to_backends_go_at_once(start: Start, authority: Authority, certificate: str) -> None:
    server = Server()
    server.tls = authority.server(certificate)
    await come_and_go(await start(server, backend_ca=authority.file))
