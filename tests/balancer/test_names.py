"""Backends that are known by a name."""

import socket
from typing import Any

import pytest

from balancer.settings.addresses import parse_backend
from tests.balancer.conftest import Start
from tests.balancer.rig import Server

REAL = socket.getaddrinfo


@pytest.mark.parametrize("first", ["::1", "127.0.0.1"])
async def test_a_name_with_two_addresses_of_which_one_answers(
    first: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolved(host: Any, port: Any, *args: Any, flags: int = 0, **options: Any) -> list[Any]:
        if host != "shop.test":
            return REAL(host, port, *args, flags=flags, **options)
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        second = "127.0.0.1" if first == "::1" else "::1"
        return REAL(first, port, *args, **options) + REAL(second, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    rig = await start()
    server = rig.servers["a"] = await Server().open()
    rig.balancer.pool.add(parse_backend(f"a=shop.test:{server.port}"))
    assert (await rig.ask()).status == 200
    await server.close()
    rig.balancer.close_idle(rig.backend())
    assert (await rig.ask()).status == 502
    assert "refused" in rig.backend().trouble or "Multiple exceptions" in rig.backend().trouble


async def test_a_name_that_nobody_knows(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any, **options: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    rig = await start()
    rig.balancer.pool.add(parse_backend("a=shop.test:80"))
    assert (await rig.ask()).status == 502
    assert rig.backend().trouble == "Name or service not known"
