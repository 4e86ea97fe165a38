"""Workers whose certificate on disk is broken when one of them dies."""

import asyncio
import os
import signal
import ssl
from pathlib import Path

import pytest
import trustme

from tests.balancer.rig import Line, Server, get
from tests.faults.processes import Processes

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])  # the balancer's own loop is in its processes


@pytest.mark.parametrize("gone", [False, True])
async def test_who_replaces_a_worker_shows_the_last_good_certificate(
    gone: bool, processes: Processes, tmp_path: Path
) -> None:
    """Also after a SIGHUP that could not read it. Every new client is served, whichever worker it comes to."""
    authority, file, backend_ca = trustme.CA(), tmp_path / "certificate.pem", tmp_path / "ca.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(file))
    authority.cert_pem.write_to_path(str(backend_ca))
    server = await Server(name="a").open()
    options = ("--workers", "2", "--tls-certificate", str(file), "--backend-ca", str(backend_ca))
    process, address = await processes.balancer(f"a={server.address}", options=options)
    for path in (file, backend_ca):
        if gone:
            path.unlink()
        else:
            path.write_text("half a certificate")
    process.send_signal(signal.SIGHUP)
    old = {worker["pid"] for worker in (await processes.tell("state"))["workers"]}
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(20):
        while True:
            workers = (await processes.tell("state"))["workers"]
            if len(workers) == 2 and not old & {worker["pid"] for worker in workers}:
                break
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with asyncio.timeout(20):
        while not all(worker["requests"] for worker in (await processes.tell("state"))["workers"]):
            line = Line(*await asyncio.open_connection(*address, ssl=context))
            assert (await line.ask(get())).body == b"a"
            await line.hang_up()
    await server.close()
